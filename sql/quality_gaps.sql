-- How many events each interval has, in all (an empty name) or by name: where some are missing shows beside the others. Names of fewer than `least` events say nothing.
SELECT _name, _start, toInt64(_n)
FROM (
    SELECT *, sum(_n) OVER (PARTITION BY _name) AS _all
    FROM (
        SELECT _name, _start, count() AS _n
        FROM (SELECT CAST($name, 'String') AS _name, $start AS _start FROM $from WHERE $where)
        GROUP BY _name, _start
    )
)
WHERE _all >= {least:UInt64}
ORDER BY _all DESC, _name, _start
LIMIT {limit:UInt64}
