-- The same per breakdown value: those with most actors, the rest together, where an actor counts by the best run.
SELECT is_other, value, entry, toInt64(count()), toInt64(countIf(converted))
FROM (
    SELECT who, entry, is_other, value, argMax(has(nn, {to_step:UInt32}), $rank) AS converted, max(size) AS largest
    FROM (
        SELECT *, dense_rank() OVER (ORDER BY size DESC, v) > {breakdown_limit:UInt32} AS is_other,
               if(is_other, [], v) AS value
        FROM (SELECT *, uniqExact(who) OVER (PARTITION BY v) AS size FROM ($journeys))
    )
    GROUP BY who, entry, is_other, value
)
GROUP BY is_other, value, entry
ORDER BY is_other, max(largest) DESC, value, entry
