-- How often activities are repeated in a case, and by which step a case comes back to one. The first row is of all cases; see tools/rework.h for the columns.
WITH $codes
SELECT toInt64(source), toInt64(target), toInt64(n), toInt64(cases), toInt64(again), toInt64(extra), toInt64(selves), took / 1e6, extra_took / 1e6,
       if(is_all, toInt64(repeating), 0), if(is_all, names, []), if(is_all, toInt64(arrayCount(x -> toInt64(x) > {until:Int64} - typical, ends)), 0)
FROM (
    SELECT *, if(is_all, toInt64(arrayReduce('quantileExactInclusive(0.5)', durations)), toInt64(0)) AS typical,
           sum(if(is_repeat, seconds, 0)) OVER (PARTITION BY target) AS again, sum(if(is_repeat, n, 0)) OVER (PARTITION BY target) AS extra,
           sum(if(is_repeat AND source = target, n, 0)) OVER (PARTITION BY target) AS selves,
           sum(if(is_repeat, took, 0)) OVER (PARTITION BY target) AS extra_took, sum(if(is_repeat, firsts, 0)) OVER () AS repeating
    FROM (
        SELECT bitShiftRight(_edge, 16) AS source, bitAnd(_edge, 65535) AS target, _edge = 4294901760 AS is_all, source > 0 AND target > 0 AS is_repeat, count() AS n,
               countIf(bitAnd(_mark, 1) = 1) AS cases, countIf(bitAnd(_mark, 2) = 2) AS seconds, countIf(bitAnd(_mark, 4) = 4) AS firsts,
               sum(toFloat64(_took)) AS took, groupArrayIf(_took, is_all) AS durations, groupArrayIf(_mark, is_all) AS ends
        FROM (
            -- Of each activity of a case the first event, with no edge; the later ones, by the edge that leads to them; and of each case one more row: how long it took, and when it ended.
            SELECT arrayConcat(news, edges, arrayMap(x -> toUInt32(4294901760), lasts)) AS all_edges,
                   arrayConcat(arrayMap(x -> toUInt64(0), news), delays, arrayMap((x, y) -> toUInt64(y - x), firsts, lasts)) AS all_delays,
                   arrayConcat(arrayMap(x -> toUInt64(1), news), marks, arrayMap(x -> toUInt64(bitAnd(x, bitShiftLeft(toUInt64(1), {time_bits:UInt8}) - 1)), lasts)) AS all_marks
            FROM (
                SELECT news, edges, delays, firsts, lasts,
                       arrayMap((u, n, x, y) -> toUInt64((u = 1) + 2 * (n = 2) + 4 * (x != y)),
                                arrayEnumerateUniq(arrayMap((x, e) -> bitShiftLeft(x, 32) + e, whose, edges)), times, whose, arrayPopBack(arrayPushFront(whose, toUInt64(0)))) AS marks
                FROM (
                    SELECT firsts, lasts, arrayMap(e -> toUInt32(e), arrayFilter((e, n) -> n = 1, c, nth)) AS news, arrayFilter(n -> n > 1, nth) AS times,
                           arrayFilter((e, n) -> n > 1, arrayMap((e, f) -> toUInt32(bitShiftLeft(toUInt32(f), 16) + e), c, arrayPushFront(arrayPopBack(c), toUInt16(0))), nth) AS edges,
                           arrayFilter((x, n) -> n > 1, arrayMap((x, y) -> toUInt64(x - y), t, before), nth) AS delays,
                           arrayMap(x -> bitShiftRight(x, {time_bits:UInt8}), arrayFilter((x, n) -> n > 1, t, nth)) AS whose
                    FROM (
                        SELECT t, c, before, arrayFilter((x, y) -> y, t, begins) AS firsts, arrayFilter((x, y) -> y, t, arrayPushBack(arrayPopFront(begins), 1)) AS lasts,
                               arrayEnumerateUniq(arrayMap((x, e) -> bitShiftLeft(bitShiftRight(x, {time_bits:UInt8}), 16) + e, t, c)) AS nth
                        FROM (
                            SELECT t, c, arrayPushFront(arrayPopBack(t), toUInt64(0)) AS before,
                                   arrayMap((x, y) -> bitXor(x, y) >= bitShiftLeft(toUInt64(1), {time_bits:UInt8}), t, before) AS begins
                            FROM ($arrays)
                        )
                    )
                )
            )
        )
        ARRAY JOIN all_edges AS _edge, all_delays AS _took, all_marks AS _mark
        GROUP BY _edge
    )
    ORDER BY is_all DESC, target = 0 DESC, source = 0 DESC, if(source = 0, extra, if(source = target, 0, n)) DESC, source, target
    LIMIT {limit:UInt64} BY source = 0
)
ORDER BY is_all DESC, target = 0 DESC, source = 0 DESC, if(source = 0, extra, if(source = target, 0, n)) DESC, source, target
