-- How many numbered actors or sessions each series had in each interval of the period and of the one before, and over each period, by breakdown value: of the largest values, and of one more where there are others.
-- Of each value one sorted array of actor and interval in one integer: see trend_packed.c.
SELECT v$figures
FROM (
    SELECT v$totals
    FROM (
        SELECT v$sets
        FROM (
            SELECT $values AS v$packed
            FROM (SELECT *, $index AS _i FROM ($rows))
            GROUP BY $keys
        )
    )
)
ORDER BY t0 DESC, v
LIMIT {kept:UInt64} + 1
