-- How many actors reach each step of a plain funnel, and how long each step takes. Step 0 is the whole way.
SELECT toInt64(step), toInt64(n), mean / 1e6, q[1] / 1e6, q[2] / 1e6
FROM (
    SELECT taken.1 AS step, count() AS n, avg(taken.2) AS mean, quantilesExactInclusive(0.5, 0.9)(taken.2) AS q
    FROM ($taken)
    GROUP BY step
)
ORDER BY step
