-- A metric per interval and segment: (segment, start of the interval, value, events behind it).
WITH _largest AS (
    SELECT $segment AS _name
    FROM $from
    WHERE $where
    GROUP BY _name
    ORDER BY count() DESC, _name
    LIMIT {segments:UInt64}
)
SELECT if($segment GLOBAL IN (SELECT _name FROM _largest), $segment, '(other)') AS _segment,
       $bucket AS _at,
       toFloat64($value) AS _value,
       toInt64(count()) AS _volume
FROM $from
WHERE $where
GROUP BY _segment, _at
ORDER BY _segment, _at
LIMIT {limit:UInt64}
