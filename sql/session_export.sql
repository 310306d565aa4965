-- All recorded events of a session as they were recorded, in pieces where they came in pieces.
SELECT $instance AS instance, toUnixTimestamp64Micro(Timestamp) AS at_us,
    toInt64(toFloat64OrZero($event)) AS event, toInt64(toFloat64OrZero($offset)) AS position,
    greatest(toInt64(toFloat64OrZero($chunk)), 1) AS chunk,
    greatest(toInt64(toFloat64OrZero($chunks)), 1) AS chunks, toInt64(-1), toInt64(-1), toInt64(0),
    base64Encode(Body)
FROM $table
WHERE $session = {session:String} AND $in_time
ORDER BY at_us, instance, position, chunk, event
LIMIT {limit:UInt64}
