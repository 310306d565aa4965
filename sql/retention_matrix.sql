-- How many actors came in each interval and stand in each column of the matrix (0 = came, the others: came back), per breakdown value: those with most actors, the rest together.
SELECT is_other, value, toInt64(cohort), toInt64(period), toInt64(sum(n))
FROM (
    SELECT *, dense_rank() OVER (ORDER BY size DESC, v) > {breakdown_limit:UInt32} AS is_other, if(is_other, [], v) AS value
    FROM (
        SELECT *, sum(if(period = 0, n, 0)) OVER (PARTITION BY v) AS size
        FROM (
            SELECT v, cohort, arrayJoin(arrayConcat([0], $columns)) AS period, sum(n) AS n
            FROM ($visits)
            GROUP BY v, cohort, period
        )
    )
)
GROUP BY is_other, value, cohort, period
ORDER BY is_other, max(size) DESC, value, cohort, period
