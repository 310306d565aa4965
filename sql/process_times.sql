-- How long the work of an activity takes (from 0), and how long it is from the end of one activity to the begin of the next of the case.
WITH $codes
SELECT toInt64(bitShiftRight(_edge, 16)) AS source, toInt64(bitAnd(_edge, 65535)) AS target, toInt64(count()), sum(toFloat64(_took)) / 1e6 AS total,
       ($percentiles(0.5, 0.95)(_took) AS took)[1] / 1e6, took[2] / 1e6
FROM (
    SELECT arrayConcat(arrayMap(x -> toUInt32(x), c), arrayMap((e, f) -> toUInt32(bitShiftLeft(toUInt32(f), 16) + e), c, arrayPushFront(arrayPopBack(c), toUInt16(0)))) AS edges,
           arrayConcat(s, arrayMap((x, y, d, n) -> if(n OR d = $unknown, $unknown, toInt64(x - y) - d), t, before, $between, begins)) AS times
    FROM (
        SELECT t, c, s, arrayPushFront(arrayPopBack(t), toUInt64(0)) AS before,
               arrayMap((x, y) -> bitXor(x, y) >= bitShiftLeft(toUInt64(1), {time_bits:UInt8}), t, before) AS begins
        FROM ($arrays)
    )
)
ARRAY JOIN edges AS _edge, times AS _took
WHERE _took != $unknown
GROUP BY _edge
ORDER BY source = 0 DESC, total DESC, _edge
LIMIT {limit:UInt64} BY source = 0
