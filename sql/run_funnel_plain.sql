-- How many actors reach each step of a plain funnel, and how long each step takes. Step 0 is the whole way.
SELECT step.1, step.2, step.3 / 1e6, step.4 / 1e6, step.5 / 1e6
FROM (
    SELECT arrayJoin([$steps]) AS step
    FROM ($sums)
)
WHERE step.2 > 0
ORDER BY step.1
