-- The recorded events of a session that tell what happened, in the order they were recorded; of
-- pointer movement and styling only the count is asked (session_moves). Texts are left out from
-- where they exceed max_bytes together: the small ones come first, then snapshots, then mutations.
SELECT instance, at_us, event, position, chunk, chunks, type, source, is_left_out,
    if(is_left_out, '', base64Encode(Body))
FROM
(
    SELECT *, multiIf(type = 2 OR chunks > 1, 1, type = 3 AND source = 0, 2, 0) AS class,
        sum(length(Body)) OVER (ORDER BY class, at_us, position, chunk) > {max_bytes:UInt64}
            AS is_left_out
    FROM
    (
        SELECT $instance AS instance, toUnixTimestamp64Micro(Timestamp) AS at_us,
            toInt64(toFloat64OrZero($event)) AS event, toInt64(toFloat64OrZero($offset)) AS position,
            greatest(toInt64(toFloat64OrZero($chunk)), 1) AS chunk,
            greatest(toInt64(toFloat64OrZero($chunks)), 1) AS chunks,
            if(JSONHas(Body, 'type'), toInt64(JSONExtractInt(Body, 'type')), -1) AS type,
            if(type = 3, toInt64(JSONExtractInt(Body, 'data', 'source')), -1) AS source,
            Body
        FROM $table
        WHERE $session = {session:String} AND $in_time
    )
    WHERE NOT (chunks = 1 AND type = 3 AND source IN (1, 6, 8, 9, 10, 12, 13, 15))
)
ORDER BY at_us, instance, position, chunk, event
LIMIT {limit:UInt64}
