-- What each resource does (activity 0) and how each activity goes (resource 0): events, how long they take where that is known, and how many repeat an activity that their case had before. The first row tells of all cases (see operator_report.c).
WITH $codes
SELECT toInt64(activity), toInt64(resource), toInt64(n), toInt64(known), total / 1e6, median / 1e6, toInt64(repeats), toInt64(cases), toInt64(activities),
       if(is_all, [names, resources], []), if(is_all, toInt64(arrayCount(x -> toInt64(x) > {until:Int64} - toInt64(median), ends)), 0), span / 1e6
FROM (
    SELECT bitShiftRight(_who, 16) AS activity, bitAnd(_who, 65535) AS resource, count() AS n, countIf(_took != $unknown) AS known, sumIf(toFloat64(_took), _took != $unknown) AS total,
           ifNotFinite($percentiles_if(0.5)(_took, _took != $unknown)[1], 0) AS median,
           countIf(bitAnd(_mark, 1) = 1) AS repeats, countIf(bitAnd(_mark, 2) = 2) AS cases, uniqExactIf(_code, activity = 0) AS activities, _who = 4294967295 AS is_all,
           groupArrayIf(_mark, is_all) AS ends, if(is_all, toInt64(max(_mark)) - min(toInt64(_mark) - _took), 0) AS span
    FROM (
        SELECT arrayConcat(arrayMap(x -> toUInt32(x), r), arrayMap(x -> bitShiftLeft(toUInt32(x), 16), c), arrayMap(x -> toUInt32(4294967295), lasts)) AS all_who,
               arrayConcat(times, times, arrayMap((x, y) -> toInt64(y - x), firsts, lasts)) AS all_times, arrayConcat(marks, marks, arrayMap(x -> toUInt64(bitAnd(x, bitShiftLeft(toUInt64(1), {time_bits:UInt8}) - 1)), lasts)) AS all_marks,
               arrayConcat(c, c, arrayWithConstant(length(lasts), toUInt16(0))) AS all_codes
        FROM (
            SELECT c, r, $times AS times, arrayFilter((x, n) -> n, t, begins) AS firsts, arrayFilter((x, n) -> n, t, arrayPushBack(arrayPopFront(begins), 1)) AS lasts,
                   arrayMap((x, y) -> toUInt64((x > 1) + 2 * (y = 1)),
                            arrayEnumerateUniq(arrayMap((x, e) -> bitShiftLeft(bitShiftRight(x, {time_bits:UInt8}), 16) + e, t, c)),
                            arrayEnumerateUniq(arrayMap((x, e) -> bitShiftLeft(bitShiftRight(x, {time_bits:UInt8}), 16) + e, t, r))) AS marks
            FROM (
                SELECT *, arrayPushFront(arrayPopBack(t), toUInt64(0)) AS before,
                       arrayMap((x, y) -> bitXor(x, y) >= bitShiftLeft(toUInt64(1), {time_bits:UInt8}), t, before) AS begins
                FROM ($arrays)
            )
        )
    )
    ARRAY JOIN all_who AS _who, all_times AS _took, all_marks AS _mark, all_codes AS _code
    WHERE _who != 0
    GROUP BY _who
    ORDER BY is_all DESC, activity = 0 DESC, n DESC, _who
    LIMIT {limit:UInt64} BY is_all, activity = 0
)
ORDER BY is_all DESC, activity = 0 DESC, n DESC, activity, resource
