-- The nodes that get a number of their own, the most frequent ones; how many rows there are, and the largest number of an actor.
SELECT toString(_node) AS name, sum(count()) OVER () AS all_rows, max(max($key)) OVER () AS last_key
FROM ($rows)
GROUP BY _node
ORDER BY count() DESC, name
LIMIT 65534
