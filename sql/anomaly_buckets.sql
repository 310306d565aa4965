-- A metric per interval and segment: (segment, start of the interval, value, events behind it).
WITH largest AS (
    SELECT $segment AS name
    FROM $from
    WHERE $where
    GROUP BY name
    ORDER BY count() DESC, name
    LIMIT {segments:UInt64}
)
SELECT if($segment IN (SELECT name FROM largest), $segment, '(other)') AS part,
       $bucket AS at,
       toFloat64($value) AS value,
       toInt64($volume) AS volume
FROM $from
WHERE $where
GROUP BY part, at
ORDER BY part, at
LIMIT {limit:UInt64}
