-- The same as run_trend_packed where those whom a series counts are in buckets: each of them is in one, so the figures add up.
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
