-- The cases that take longer than a time, or that look unfinished.
SELECT _key FROM (
    SELECT *, $typical AS _typical
    FROM (SELECT _key, toInt64(min(_us)) AS _first, toInt64(max(_us)) AS _last FROM ($rows) GROUP BY _key)
)
WHERE $condition
