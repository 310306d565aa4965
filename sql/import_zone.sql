-- The offsets of a time zone from UTC and when each begins, 1900 to 2299, to the half hour.
SELECT at, toInt64(offset)
FROM (
    SELECT toInt64(number) * 1800 - 2208988800 AS at,
           timeZoneOffset(fromUnixTimestamp64Second(at, {tz:String})) AS offset,
           timeZoneOffset(fromUnixTimestamp64Second(at - 1800, {tz:String})) AS previous
    FROM numbers(7012656)
)
WHERE offset != previous OR at = -2208988800
ORDER BY at
