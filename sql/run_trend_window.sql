-- How many actors more and fewer there are at each point than at the one before: each point counts those active in the days up to its end.
-- `spans`: the points that a day of the actor reaches, first * 100000 + last; what the day before reaches too is counted once.
SELECT other, value, point, toInt64(sum(step))
FROM (
    SELECT other, value, arrayJoin(arrayConcat(arrayMap(x -> (x.1, 1), reached), arrayMap(x -> (x.2 + 1, -1), reached))) AS change,
           change.1 AS point, change.2 AS step
    FROM (
        SELECT other, value,
               arrayFilter(x -> x.1 <= x.2,
                           arrayMap((x, y) -> (greatest(intDiv(x, 100000), y % 100000 + 1), x % 100000), spans, arrayPushFront(arrayPopBack(spans), -1))) AS reached
        FROM (
            SELECT $other AS other, $value AS value, arraySort(groupUniqArray(_span)) AS spans
            FROM ($rows)
            GROUP BY _key, other, value
        )
    )
)
GROUP BY other, value, point
ORDER BY other, value, point
