-- The offsets of a time zone from UTC and when each begins, 1970 to 2100, to the half hour.
SELECT toInt64(at), toInt64(offset)
FROM (
    SELECT number * 1800 AS at,
           timeZoneOffset(toDateTime64(at, 0, {tz:String})) AS offset,
           lagInFrame(offset, 1, -1) OVER (ORDER BY number ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous
    FROM numbers(2279232)
)
WHERE offset != previous
ORDER BY at
