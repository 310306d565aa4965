-- Who stands in one cell of a funnel: reached or lost at a step, under a breakdown value.
SELECT who, tt[1], tt[-1], place.1, place.2, toInt64(count() OVER ())
FROM ($journeys)
WHERE $inside AND $reached
ORDER BY who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
