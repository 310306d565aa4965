-- Where a recording lacks events: numbers of its counter that no row carries.
SELECT from_us, to_us, missing
FROM
(
    SELECT lagInFrame(at_us) OVER w AS from_us, at_us AS to_us,
        event - lagInFrame(event) OVER w - 1 AS missing, row_number() OVER w AS nth
    FROM
    (
        SELECT $instance AS instance, toInt64(toFloat64OrZero($event)) AS event,
            toUnixTimestamp64Micro(min(Timestamp)) AS at_us
        FROM $table
        WHERE $session = {session:String} AND $in_time
        GROUP BY instance, event
        HAVING event > 0
    )
    WINDOW w AS (PARTITION BY instance ORDER BY event ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
WHERE nth > 1 AND missing > 0
ORDER BY from_us
LIMIT {limit:UInt64}
