-- Which fields have so few values that groups of actors may differ by them. The field '' counts all events.
SELECT field, toInt64(count()) AS with_value, toInt64(uniqUpTo(100)(value)) AS distinct_values
FROM (
    SELECT arrayJoin(arrayPushFront(_pairs, ('', '*'))) AS pair, pair.1 AS field, pair.2 AS value
    FROM (SELECT _pairs FROM ($rows) LIMIT {sample:UInt64})
)
WHERE value != ''
GROUP BY field
HAVING distinct_values <= 100
ORDER BY distinct_values > 1 DESC, with_value DESC, field
LIMIT {limit:UInt64}
