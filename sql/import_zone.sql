-- The offsets of a time zone from UTC and when each begins, 1900 to 2299, to the half hour.
SELECT at, toInt64(offset)
FROM (
    SELECT toInt64(number) * 1800 - 2208988800 AS at,
           fromUnixTimestamp64Second(at, {tz:String}) AS local,
           -- timeZoneOffset() is a day off where a zone has left out a day (Pacific/Apia 2011); the
           -- first local day may be before 1900, which no date can say.
           if(number < 48, toInt64(timeZoneOffset(local)),
              toInt64(toDate32(local)) * 86400 + toHour(local) * 3600 + toMinute(local) * 60 + toSecond(local) - at) AS offset,
           lagInFrame(offset, 1, -1) OVER (ORDER BY number ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous
    FROM numbers(7012656)
)
WHERE offset != previous OR at = -2208988800
ORDER BY at
