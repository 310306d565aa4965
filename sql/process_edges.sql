-- Which activity follows which (0: the case begins), how often, in how many cases and how long it takes. The first row is of no such pair: it tells of all cases (see process_plan_edges()).
WITH $codes$windows
SELECT toInt64(source), toInt64(target), toInt64(n), toInt64(cases), toInt64(target_cases), total / 1e6, figures[1] / 1e6, figures[2] / 1e6, figures[3] / 1e6, figures[4] / 1e6,
       if(is_all, names, []), if(is_all, toInt64(arrayCount(x -> toInt64(x) > {until:Int64} - toInt64(figures[2]), ends)), 0), $saving / 1e6
FROM (
    -- A column for what stands beside every delay: a lambda copies what it uses, here all figures.
    SELECT *, figures[2] AS middle FROM (SELECT *, $figures AS figures FROM (
    SELECT bitShiftRight(_edge, 16) AS source, bitAnd(_edge, 65535) AS target, count() AS n, $cases,
           sum(toFloat64(_took)) AS total, $took, _edge = 4294901760 AS is_all, groupArrayIf(_mark, is_all) AS ends
    FROM (
        -- Of each case one more row: how long it took, and when it ended.
        SELECT arrayConcat(edges, arrayMap(x -> toUInt32(4294901760), lasts)) AS all_edges, arrayConcat(delays, arrayMap((x, y) -> toUInt64(y - x), firsts, lasts)) AS all_delays,
               arrayConcat(marks, arrayMap(x -> toUInt64(bitAnd(x, bitShiftLeft(toUInt64(1), {time_bits:UInt8}) - 1)), lasts)) AS all_marks
        FROM (
            SELECT edges, delays, firsts, lasts, $marks AS marks
            FROM ($steps)
        )
    )
    ARRAY JOIN all_edges AS _edge, all_delays AS _took, all_marks AS _mark
    GROUP BY _edge
    ORDER BY is_all DESC, target = 0 DESC, source = 0 DESC, n DESC, _edge
    LIMIT {limit:UInt64}
    ))
)
ORDER BY is_all DESC, target = 0 DESC, source = 0 DESC, n DESC, source, target
