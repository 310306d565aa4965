-- One row for each case: its activities in order, when it began and ended. Ahead of those of each array one row without activities, which holds how many events its cases have, what they took and when they ended.
SELECT _array, _trace, _first, _last, _lengths, _durations, _ends
FROM (
    SELECT _array, traces, firsts, lasts,
           arrayPushFront(arrayResize(CAST([], 'Array(Array(UInt32))'), length(traces)), arrayMap(x -> toUInt32(length(x)), traces)) AS lengths,
           arrayPushFront(arrayResize(CAST([], 'Array(Array(UInt64))'), length(traces)), arrayMap((x, y) -> toUInt64(y - x), firsts, lasts)) AS durations,
           arrayPushFront(arrayResize(CAST([], 'Array(Array(UInt64))'), length(traces)), arrayMap(x -> toUInt64(bitAnd(x, bitShiftLeft(toUInt64(1), {time_bits:UInt8}) - 1)), lasts)) AS ends
    FROM (
        SELECT _array, arraySplit((x, y) -> y, $codes, begins) AS traces, arrayFilter((x, y) -> y, t, begins) AS firsts,
               arrayFilter((x, y) -> y, t, arrayPushBack(arrayPopFront(begins), 1)) AS lasts
        FROM (
            SELECT _array, t, $codes,
                   arrayMap((x, y) -> bitXor(x, y) >= bitShiftLeft(toUInt64(1), {time_bits:UInt8}), t, arrayPushFront(arrayPopBack(t), toUInt64(0))) AS begins
            FROM ($arrays)
        )
    )
)
ARRAY JOIN arrayPushFront($traces, CAST([], 'Array(UInt16)')) AS _trace, arrayPushFront(firsts, toUInt64(0)) AS _first, arrayPushFront(lasts, toUInt64(0)) AS _last,
           lengths AS _lengths, durations AS _durations, ends AS _ends
