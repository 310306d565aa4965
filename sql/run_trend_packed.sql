-- How many actors or sessions each series had in each interval of the period and of the one before, and over each period, by breakdown value: of the largest values, and of one more where there are others.
-- Of each value one array of actor and interval in one integer, or one for each bucket of them, whose figures add up: see trend_packed.c.
SELECT v, other$sums
FROM (
    SELECT v, other$figures
    FROM (
        SELECT v, other$totals
        FROM (
            SELECT v, other$sets
            FROM ($arrays)
        )
    )
)
GROUP BY v, other
ORDER BY other, t0 DESC, v
LIMIT {kept:UInt64} + 1
