-- The property keys of a source, to find the nearest to one that does not exist.
SELECT arrayJoin(keys) AS key, count() AS n
FROM (SELECT $keys AS keys FROM $table LIMIT 200000)
GROUP BY key
ORDER BY n DESC, key
LIMIT 2000
