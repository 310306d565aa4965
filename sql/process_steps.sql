-- Of every event the edge that leads to it (from 0 where a case begins) and what passed since the event before, in many cases; and the first and last times of these. Times `follows`: a lambda with if() costs a fifth of the statement.
SELECT t, c, arrayMap((e, f, n) -> toUInt32(bitShiftLeft(toUInt32(f * n), 16) + e), c, arrayPushFront(arrayPopBack(c), toUInt16(0)), follows) AS edges,
       arrayMap((x, y, n) -> toUInt64(x - y) * n, t, before, follows) AS delays,
       arrayFilter((x, n) -> n, t, begins) AS firsts, arrayFilter((x, n) -> n, t, arrayPushBack(arrayPopFront(begins), 1)) AS lasts
FROM (
    SELECT t, c, arrayPushFront(arrayPopBack(t), toUInt64(0)) AS before,
           arrayMap((x, y) -> bitXor(x, y) >= bitShiftLeft(toUInt64(1), {time_bits:UInt8}), t, before) AS begins, arrayMap(x -> NOT x, begins) AS follows
    FROM ($arrays)
)
