-- How long cases take, in which intervals they begin and end, and how many take longer than a time, those in progress included. One row; see tools/throughput.c for the columns.
SELECT toInt64(n), toInt64(arrayCount(o -> o, opens)), arraySum(x -> toFloat64(x), took) / 1e6, arrayMap(x -> x / 1e6, quantiles),
       arraySum(x -> if(x > quantiles[7], toFloat64(x), toFloat64(0)), took) / 1e6, first, last, typical,
       toInt64(arrayCount(x -> x > {sla_us:Int64}, took)), toInt64(arrayCount((x, y, o) -> o AND x <= {sla_us:Int64} AND y > {sla_us:Int64}, took, ages, opens)),
       arrayFilter((x, y) -> x != y, begun, next_begun), arrayMap(i -> toInt64(i), arrayFilter((i, x, y) -> x != y, arrayEnumerate(begun), begun, next_begun)),
       arrayFilter((x, y) -> x != y, ended, next_ended), arrayMap(i -> toInt64(i), arrayFilter((i, x, y) -> x != y, arrayEnumerate(ended), ended, next_ended)),
       toInt64(all_steps), arrayMap(x -> bitShiftRight(x, 1) / 1e6, arrayFilter((x, p) -> p, steps, is_point)), arrayMap(x -> exp(x), arrayFilter((x, p) -> p, step_logs, is_point))
FROM (
    -- No interval begins one microsecond after 1970.
    SELECT *, arrayPopFront(arrayPushBack(begun, toInt64(1))) AS next_begun, arrayPopFront(arrayPushBack(ended, toInt64(1))) AS next_ended,
           arrayMap(i -> intDiv(i * {points:UInt32}, all_steps) > intDiv((i - 1) * {points:UInt32}, all_steps), arrayEnumerate(steps)) AS is_point
    FROM (
        SELECT *, arrayFilter((x, s) -> s, curve, is_step) AS steps, arrayFilter((x, s) -> s, logs, is_step) AS step_logs, length(steps) AS all_steps
        FROM (
            -- The logarithm of the product of 1 - 1 / those at risk over all cases that ended: ties make 1 - ended / at risk of it.
            SELECT *, arrayCumSum(arrayMap((x, r) -> if(bitAnd(x, 1) = 1, toFloat64(0), log((r - 1) / r)), curve, arrayReverse(arrayEnumerate(curve)))) AS logs,
                   arrayMap((x, y) -> bitAnd(x, 1) = 0 AND x != y, curve, arrayPopFront(arrayPushBack(curve, toUInt64(1)))) AS is_step
            FROM (
                -- Microseconds, doubled, and one more of a case in progress: at the same time it is still at risk when another one ends.
                SELECT *, arraySort(arrayMap((x, y, o) -> toUInt64(bitShiftLeft(toUInt64(if(o, y, x)), 1) + o), took, ages, opens)) AS curve,
                       arraySort(begun_in) AS begun, arraySort(arrayFilter((x, o) -> NOT o, ended_in, opens)) AS ended
                FROM (
                    SELECT *, arrayMap(x -> toUInt8(x > {until_us:Int64} - typical), lasts) AS opens,
                           arrayMap((x, y) -> greatest(x, toInt64({until_us:Int64} - y + x)), took, lasts) AS ages
                    FROM (
                        SELECT *, length(took) AS n, arrayReduce('quantilesExactInclusive(0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1)', took) AS quantiles,
                               if(n = 0, toInt64(0), toInt64(quantiles[4])) AS typical
                        FROM (
                            SELECT groupArray(toInt64(_last - _first)) AS took, groupArray(_last) AS lasts, groupArray(roundDown(_first, $starts)) AS begun_in,
                                   groupArray(roundDown(_last, $starts)) AS ended_in, min(_first) AS first, max(_last) AS last
                            FROM (SELECT toInt64(min(_us)) AS _first, toInt64(max(_us)) AS _last FROM ($rows) GROUP BY _key)
                        )
                    )
                )
            )
        )
    )
)
