-- Of every event the edge that leads to it (from 0 where a case begins) and what passed since the event before, in many cases; and the first and last times of these.
SELECT t, c, arrayMap((e, f, n) -> if(n, toUInt32(e), toUInt32(bitShiftLeft(toUInt32(f), 16) + e)), c, arrayPushFront(arrayPopBack(c), toUInt16(0)), begins) AS edges,
       arrayMap((x, y, n) -> if(n, toUInt64(0), toUInt64(x - y)), t, before, begins) AS delays,
       arrayFilter((x, n) -> n, t, begins) AS firsts, arrayFilter((x, n) -> n, t, arrayPushBack(arrayPopFront(begins), 1)) AS lasts
FROM (
    SELECT t, c, arrayPushFront(arrayPopBack(t), toUInt64(0)) AS before,
           arrayMap((x, y) -> bitXor(x, y) >= bitShiftLeft(toUInt64(1), {time_bits:UInt8}), t, before) AS begins
    FROM ($arrays)
)
