-- The event names of a source, most frequent first, to find the nearest to one that does not exist.
SELECT toString($event) AS _event, count() AS _n
FROM $table
GROUP BY _event
ORDER BY _n DESC, _event
LIMIT 5000
