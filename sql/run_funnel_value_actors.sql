-- Who stands in one cell of a funnel under one breakdown value, or under those that are not kept.
SELECT who, best.1[1], best.1[-1], best.2.1, best.2.2, toInt64(count() OVER ())
FROM (
    SELECT who, argMax((tt, place), (length(tt), -tt[-1], tt[1])) AS best
    FROM (
        SELECT *, dense_rank() OVER (ORDER BY size DESC, v) > {breakdown_limit:UInt32} AS is_other
        FROM (SELECT *, count() OVER (PARTITION BY v) AS size FROM ($journeys))
    )
    WHERE if({is_other:UInt8}, is_other, NOT is_other AND v = {values:Array(String)})
    GROUP BY who
)
WHERE length(best.1) $reached
ORDER BY who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
