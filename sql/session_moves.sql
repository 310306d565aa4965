-- How much the pointer moved and styles changed in each second of a recording: rows delivered twice
-- count once.
SELECT min(at_us), max(at_us), source, toInt64(count())
FROM
(
    SELECT intDiv(at_us, 1000000) AS at_second, at_us, source
    FROM
    (
        SELECT $instance AS instance, toUnixTimestamp64Micro(Timestamp) AS at_us, $event AS event,
            $offset AS position, greatest(toInt64(toFloat64OrZero($chunks)), 1) AS chunks,
            if(JSONExtractInt(Body, 'type') = 3, toInt64(JSONExtractInt(Body, 'data', 'source')), -1)
                AS source
        FROM $table
        WHERE $session = {session:String} AND $in_time
    )
    WHERE chunks = 1 AND source IN (1, 6, 8, 9, 10, 12, 13, 15)
    GROUP BY instance, at_us, source, event, position,
        if(event = '', toInt64(rowNumberInAllBlocks()), -1)
)
GROUP BY at_second, source
ORDER BY at_second, source
LIMIT {limit:UInt64}
