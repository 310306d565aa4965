-- The steps of a funnel per breakdown value: those with most actors, the rest together. One value per actor.
SELECT is_other, value, toInt64(step), toInt64(actors), average / 1e6, quantiles[1] / 1e6, quantiles[2] / 1e6
FROM (
    SELECT place > {breakdown_limit:UInt32} AS is_other, if(is_other, [], v) AS value, step,
           countMerge(n) AS actors, avgMerge(mean) AS average, quantilesExactInclusiveMerge(0.5, 0.9)(q) AS quantiles, max(size) AS largest
    FROM (
        SELECT *, dense_rank() OVER (ORDER BY size DESC, v) AS place
        FROM (
            SELECT *, max(rows) OVER (PARTITION BY v) AS size
            FROM (
                SELECT v, taken.1 AS step, count() AS rows, countState() AS n, avgState(taken.2) AS mean,
                       quantilesExactInclusiveState(0.5, 0.9)(taken.2) AS q
                FROM (
                    SELECT v, arrayJoin(arrayMap((i, t, p) -> (toUInt32(i), toInt64(if(i = 1, 0, t - p))),
                                                 nn, tt, arrayPushFront(arrayPopBack(tt), toInt64(0)))) AS taken
                    FROM ($journeys)
                )
                GROUP BY v, step
            )
        )
    )
    GROUP BY is_other, value, step
)
ORDER BY is_other, largest DESC, value, step
