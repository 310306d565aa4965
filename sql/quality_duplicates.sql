-- Events that are there more than once: the same actor, name, time, session and properties.
SELECT _event, toInt64(sum(_n - 1)) AS _extra, toInt64(max(_n)), toInt64(sum(_n))
FROM (
    SELECT _event, _hash, count() AS _n
    FROM (SELECT CAST($event, 'String') AS _event, sipHash64($columns) AS _hash FROM $from WHERE $where AND $sample)
    GROUP BY _event, _hash
)
GROUP BY _event
HAVING _extra > 0
ORDER BY _extra DESC, _event
LIMIT {limit:UInt64}
