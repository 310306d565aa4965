-- What the events of a period were about, section by section: pages, features, filters, charts, errors. Most frequent first.
SELECT section, keys, toInt64(n), toInt64(sessions), toInt64(actors), n / sum(n) OVER (PARTITION BY section)
FROM (
    SELECT found.1 AS section, found.2 AS keys, count() AS n, uniqExactIf(_visit, _in_visit) AS sessions, uniqExactIf(_key, _named) AS actors
    FROM (SELECT _visit, _in_visit, _key, _named, arrayJoin(arrayFilter(x -> notEmpty(x.2), [$sections])) AS found FROM ($rows))
    GROUP BY section, keys
)
ORDER BY section, n DESC, keys
LIMIT {limit:UInt64} BY section
