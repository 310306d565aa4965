-- How many actors did something for the first time ever, by the interval of that time and by what their first event carries.
SELECT previous, other, if(other, [], v) AS value, at, toInt64(count())
FROM (
    SELECT min(_us) < {from:Int64} AS previous, min(_at) AS at, $value AS v, $other AS other
    FROM ($rows)
    GROUP BY _key
    HAVING min(_us) >= {first:Int64}
)
GROUP BY previous, other, value, at
ORDER BY other, value
