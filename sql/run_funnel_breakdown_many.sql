-- The steps of a funnel per breakdown value where an actor may stand under several: in the rest, by the deepest run.
SELECT is_other, value, toInt64(step), toInt64(n), mean / 1e6, q[1] / 1e6, q[2] / 1e6
FROM (
    SELECT is_other, value, taken.1 AS step, count() AS n, avg(taken.2) AS mean,
           quantilesExactInclusive(0.5, 0.9)(taken.2) AS q, max(largest) AS size
    FROM (
        SELECT is_other, value, largest,
               arrayJoin(arrayMap((i, t, p) -> (toUInt32(i), toInt64(if(i = 1, 0, t - p))),
                                  best.2, best.1, arrayPushFront(arrayPopBack(best.1), toInt64(0)))) AS taken
        FROM (
            SELECT who, is_other, value, argMax((tt, nn), $rank) AS best, max(size) AS largest
            FROM (
                SELECT *, dense_rank() OVER (ORDER BY size DESC, v) > {breakdown_limit:UInt32} AS is_other,
                       if(is_other, [], v) AS value
                FROM (SELECT *, count() OVER (PARTITION BY v) AS size FROM ($journeys))
            )
            GROUP BY who, is_other, value
        )
    )
    GROUP BY is_other, value, step
)
ORDER BY is_other, size DESC, value, step
