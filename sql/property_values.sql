-- The values of a field, most frequent first: how many events and actors have each, how many events have any, and how many that value or one behind it.
SELECT _value, toInt64(_n), toInt64(_actors), toInt64(_values), toInt64(_events), toInt64(_left)
FROM (
    SELECT *, count() OVER () AS _values, sum(_n) OVER () AS _events,
           sum(_n) OVER (ORDER BY _n DESC, _value ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS _left
    FROM (
        SELECT _value, count() AS _n, $distinct_if(_actor, _actor != '') AS _actors
        FROM (SELECT CAST($value, 'String') AS _value, CAST($actor, 'String') AS _actor FROM $from WHERE $where)
        WHERE _value != '' AND (empty({prefix:String}) OR startsWith(lowerUTF8(_value), lowerUTF8({prefix:String})))
        GROUP BY _value
    )
)
ORDER BY _n DESC, _value
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
