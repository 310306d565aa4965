-- How much of each series there was in each interval of two periods, and over each period, per breakdown value: the largest ones, the rest together.
-- Only what is together is merged twice: a value's points are the states as they are, its totals are merged once.
SELECT grouping(at) AS whole, previous, other, value, at$figures
FROM (
    SELECT *, if(other, [], v) AS value
    FROM (
        SELECT *, $other AS other
        FROM (
            SELECT *, $weight AS weight
            FROM (
                SELECT *$parts
                FROM (
                    SELECT _before AS previous, _at AS at, $values AS v$states
                    FROM ($rows)
                    GROUP BY previous, at$keys
                )
            )
        )
    )
)
GROUP BY GROUPING SETS ((previous, other, value, at), (previous, other, value))
ORDER BY other, max(weight) DESC, value, whole, previous, at
