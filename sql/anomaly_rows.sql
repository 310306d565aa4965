-- A numeric series row by row: (segment, time, value, 1).
WITH largest AS (
    SELECT $segment AS name
    FROM $from
    WHERE $where
    GROUP BY name
    ORDER BY count() DESC, name
    LIMIT {segments:UInt64}
)
SELECT if($segment IN (SELECT name FROM largest), $segment, '(other)') AS part,
       $time_us AS at,
       assumeNotNull($value) AS value,
       1
FROM $from
WHERE $where AND isNotNull($value)
ORDER BY part, at, $order
LIMIT {limit:UInt64}
