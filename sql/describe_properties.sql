-- Property keys of a source: how often each has a value, how many, the most frequent.
SELECT field, toInt64(sum(n)) AS with_value, toInt64(count()) AS distinct_values,
       arrayMap(x -> (x.2, toInt64(x.1)), arraySlice(arrayReverseSort(groupArray((n, value))), 1, 5)) AS top,
       countIf(isNull(toFloat64OrNull(value))) = 0 AS is_number,
       countIf(isNull(parseDateTime64BestEffortOrNull(value, 3, 'UTC')) OR length(value) < 10) = 0 AS is_time,
       countIf(value NOT IN ('true', 'false', 'True', 'False')) = 0 AS is_boolean
FROM (
    SELECT pair.1 AS field, pair.2 AS value, count() AS n
    FROM (
        SELECT arrayJoin(_pairs) AS pair
        FROM (SELECT $pairs AS _pairs FROM $from WHERE $in_period LIMIT {sample:UInt64})
    )
    WHERE value != '' AND NOT has({hidden:Array(String)}, field)
        AND (empty({search:String}) OR positionCaseInsensitiveUTF8(field, {search:String}) > 0 OR has({also:Array(String)}, field))
    GROUP BY field, value
)
GROUP BY field
ORDER BY with_value DESC, field
LIMIT {limit:UInt64}
