-- A numeric series row by row: (segment, time, value, 1).
WITH _largest AS (
    SELECT $segment AS _name
    FROM $from
    WHERE $where
    GROUP BY _name
    ORDER BY count() DESC, _name
    LIMIT {segments:UInt64}
)
SELECT if($segment GLOBAL IN (SELECT _name FROM _largest), $segment, '(other)') AS _segment,
       $time_us AS _at,
       assumeNotNull($value) AS _value,
       1
FROM $from
WHERE $where AND isNotNull($value)
ORDER BY _segment, _at, $order
LIMIT {limit:UInt64}
