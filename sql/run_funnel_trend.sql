-- How many actors come to a funnel's step of entry in each interval, and how many of them go on to the last one asked for.
SELECT toUInt8(0), CAST([], 'Array(String)'), entry, toInt64(count()), toInt64(countIf(has(nn, {to_step:UInt32})))
FROM ($journeys)
GROUP BY entry
ORDER BY entry
