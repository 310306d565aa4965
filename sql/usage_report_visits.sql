-- Where visits began and ended, where they came from and with what they were made, section by section. Most frequent first.
SELECT section, value, toInt64(n), toInt64(actors), n / sum(n) OVER (PARTITION BY section)
FROM (
    SELECT found.1 AS section, found.2 AS value, count() AS n, uniqExactIf(who, named) AS actors
    FROM (
        SELECT who, named, arrayJoin(arrayFilter(x -> x.2 != '', [$sections])) AS found
        FROM (
            SELECT argMaxIf(_key, _place, _named) AS who, max(_named) AS named$values
            FROM ($rows)
            GROUP BY $visit
        )
    )
    GROUP BY section, value
)
ORDER BY section, n DESC, value
LIMIT {limit:UInt64} BY section
