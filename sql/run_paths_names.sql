-- The nodes that get a number of their own: the most frequent ones.
SELECT toString(_node) AS name
FROM ($rows)
GROUP BY _node
ORDER BY count() DESC, name
LIMIT 65534
