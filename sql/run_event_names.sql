-- The event names of a source, most frequent first, to find the nearest to one that does not exist.
SELECT toString($event) AS event, count() AS n
FROM $table
GROUP BY event
ORDER BY n DESC, event
LIMIT 5000
