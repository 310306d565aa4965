-- Which activity follows which (0: the case begins), how often, in how many cases, how long it takes and what is beyond the median. The first row is of no such pair: it tells of all cases (see process_plan_edges()).
WITH $codes
SELECT toInt64(source), toInt64(target), toInt64(n), toInt64(cases), toInt64(target_cases), total / 1e6, figures[1] / 1e6, figures[2] / 1e6, figures[3] / 1e6, figures[4] / 1e6,
       if(is_all, names, []), unfinished, saving / 1e6
FROM (
    SELECT *, $saving AS saving, if(is_all, toInt64(arrayCount(x -> toInt64(x) > {until:Int64} - toInt64(middle), ends)), 0) AS unfinished
    FROM (
        -- A column for what stands beside every delay: a lambda copies what it uses, here all figures.
        SELECT *, $figures AS figures, figures[2] AS middle
        FROM (
            SELECT bitShiftRight(_edge, 16) AS source, bitAnd(_edge, 65535) AS target, count() AS n, $cases,
                   sum(toFloat64(_took)) AS total, $took AS took, _edge = 4294901760 AS is_all, groupArrayIf(_mark, is_all) AS ends
            FROM (
                -- Of each case one more row: how long it took, and when it ended.
                SELECT arrayConcat(edges, arrayMap(x -> toUInt32(4294901760), lasts)) AS all_edges, arrayConcat(delays, arrayMap((x, y) -> toUInt64(y - x), firsts, lasts)) AS all_delays,
                       arrayConcat(marks, arrayMap(x -> toUInt64(bitAnd(x, bitShiftLeft(toUInt64(1), {time_bits:UInt8}) - 1)), lasts)) AS all_marks
                FROM (
                    SELECT edges, delays, firsts, lasts, $marks AS marks
                    FROM (
                        -- Of every event the edge that leads to it and what passed since the event before. Times `follows`: a lambda with if() costs a fifth of the statement.
                        SELECT t, c, arrayMap((e, f, n) -> toUInt32(bitShiftLeft(toUInt32(f * n), 16) + e), c, arrayPushFront(arrayPopBack(c), toUInt16(0)), follows) AS edges,
                               arrayMap((x, y, n) -> toUInt64(x - y) * n, t, before, follows) AS delays,
                               arrayFilter((x, n) -> n, t, begins) AS firsts, arrayFilter((x, n) -> n, t, arrayPushBack(arrayPopFront(begins), 1)) AS lasts
                        FROM (
                            SELECT t, c, arrayPushFront(arrayPopBack(t), toUInt64(0)) AS before,
                                   arrayMap((x, y) -> bitXor(x, y) >= bitShiftLeft(toUInt64(1), {time_bits:UInt8}), t, before) AS begins, arrayMap(x -> NOT x, begins) AS follows
                            FROM ($arrays)
                        )
                    )
                )
            )
            ARRAY JOIN all_edges AS _edge, all_delays AS _took, all_marks AS _mark
            GROUP BY _edge
        )
    )
)
-- What is made of the arrays is a key as well: the engine would make it after sorting, which moves all of them into one thread and doubles the time.
ORDER BY is_all DESC, target = 0 DESC, source = 0 DESC, n DESC, source, target, figures, unfinished, saving
LIMIT {limit:UInt64}
