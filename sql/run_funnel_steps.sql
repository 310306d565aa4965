-- How many actors reach each step of a funnel, and how long each step takes. Step 0 is the whole way.
SELECT toInt64(step), toInt64(n), mean / 1e6, q[1] / 1e6, q[2] / 1e6
FROM (
    SELECT taken.1 AS step, count() AS n, avg(taken.2) AS mean, quantilesExactInclusive(0.5, 0.9)(taken.2) AS q
    FROM (
        SELECT arrayJoin(arrayConcat(
                   arrayMap((i, t, p) -> (toUInt32(i), toInt64(if(i = 1, 0, t - p))),
                            nn, tt, arrayPushFront(arrayPopBack(tt), toInt64(0))),
                   arrayFilter(x -> has(nn, {last:UInt32}), [(toUInt32(0), toInt64(tt[indexOf(nn, {last:UInt32})] - tt[1]))]))) AS taken
        FROM ($journeys)
    )
    GROUP BY step
)
ORDER BY step
