-- Who stands in one cell of a funnel under one breakdown value, or under those that are not kept.
SELECT who, tt[1], tt[-1], place.1, place.2, toInt64(count() OVER ())
FROM (
    SELECT who, best.1 AS tt, best.2 AS nn, best.3 AS place
    FROM (
        SELECT who, argMax((tt, nn, place), $rank) AS best
        FROM (
            SELECT *, dense_rank() OVER (ORDER BY size DESC, v) > {breakdown_limit:UInt32} AS is_other
            FROM (SELECT *, uniqExact(who) OVER (PARTITION BY v) AS size FROM ($journeys))
        )
        WHERE $inside AND if({is_other:UInt8}, is_other, NOT is_other AND v = {values:Array(String)})
        GROUP BY who
    )
)
WHERE $reached
ORDER BY who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
