-- Which resource follows which on the next event of a case, and how long after; of each resource (from 0) its events, cases and activities. The first row tells of all cases (see handover_network.c).
WITH $codes
SELECT toInt64(source), toInt64(target), toInt64(n), total / 1e6, took[1] / 1e6, took[2] / 1e6, toInt64(cases), toInt64(activities), if(is_all, resources, []),
       if(is_all, toInt64(arrayCount(x -> toInt64(x) > {until:Int64} - toInt64(took[1]), ends)), 0), toInt64(distinct_pairs), toInt64(handovers)
FROM (
    SELECT bitShiftRight(_pair, 16) AS source, bitAnd(_pair, 65535) AS target, count() AS n, sum(toFloat64(_took)) AS total, $percentiles(0.5, 0.95)(toInt64(_took)) AS took,
           countIf(_mark = 1) AS cases, uniqExactIf(_code, source = 0) AS activities, _pair = 4294901760 AS is_all, groupArrayIf(_mark, is_all) AS ends,
           countIf(source > 0 AND NOT is_all) OVER () AS distinct_pairs, sumIf(n, source > 0 AND NOT is_all) OVER () AS handovers
    FROM (
        SELECT arrayConcat(arrayMap(x -> toUInt32(x), r), pairs, arrayMap(x -> toUInt32(4294901760), lasts)) AS all_pairs,
               arrayConcat(arrayWithConstant(length(r), toUInt64(0)), delays, arrayMap((x, y) -> toUInt64(y - x), firsts, lasts)) AS all_delays,
               arrayConcat(arrayMap(x -> toUInt64(x), arrayEnumerateUniq(arrayMap((x, e) -> bitShiftLeft(bitShiftRight(x, {time_bits:UInt8}), 16) + e, t, r))),
                           arrayWithConstant(length(r), toUInt64(0)), arrayMap(x -> toUInt64(bitAnd(x, bitShiftLeft(toUInt64(1), {time_bits:UInt8}) - 1)), lasts)) AS all_marks,
               arrayConcat(c, c, arrayWithConstant(length(lasts), toUInt16(0))) AS all_codes
        FROM (
            SELECT t, c, r, arrayMap((e, f, n) -> toUInt32((bitShiftLeft(toUInt32(f), 16) + e) * (n AND e > 0 AND f > 0)), r, arrayPushFront(arrayPopBack(r), toUInt16(0)), follows) AS pairs,
                   arrayMap((x, y, n) -> toUInt64(x - y) * n, t, before, follows) AS delays,
                   arrayFilter((x, n) -> n, t, begins) AS firsts, arrayFilter((x, n) -> n, t, arrayPushBack(arrayPopFront(begins), 1)) AS lasts
            FROM (
                SELECT t, c, r, arrayPushFront(arrayPopBack(t), toUInt64(0)) AS before,
                       arrayMap((x, y) -> bitXor(x, y) >= bitShiftLeft(toUInt64(1), {time_bits:UInt8}), t, before) AS begins, arrayMap(x -> NOT x, begins) AS follows
                FROM ($arrays)
            )
        )
    )
    ARRAY JOIN all_pairs AS _pair, all_delays AS _took, all_marks AS _mark, all_codes AS _code
    WHERE _pair != 0
    GROUP BY _pair
    ORDER BY is_all DESC, source = 0 DESC, n DESC, _pair
    LIMIT {limit:UInt64}
)
ORDER BY is_all DESC, source = 0 DESC, n DESC, source, target
