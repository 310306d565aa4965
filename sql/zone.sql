-- The offsets of a time zone from UTC and when each begins, 1970 to 2100, to the half hour.
SELECT toInt64(at), toInt64(offset)
FROM (
    SELECT number * 1800 AS at,
           toDateTime64(at, 0, {tz:String}) AS local,
           -- timeZoneOffset() is a day off where a zone has left out a day (Pacific/Apia 2011).
           toInt64(toDate32(local)) * 86400 + toHour(local) * 3600 + toMinute(local) * 60 + toSecond(local) - at AS offset,
           lagInFrame(offset, 1, -1) OVER (ORDER BY number ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous
    FROM numbers(2279232)
)
WHERE offset != previous
ORDER BY at
