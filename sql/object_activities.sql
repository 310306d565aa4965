-- For each activity, lists by type of object: how many objects its events have in all, how many of its events have one, the fewest and the most in one event, and in how many events there are several.
SELECT _event, toInt64(count()),
       arrayMap(_x -> toInt64(_x), sumForEach(_n)), arrayMap(_x -> toInt64(_x), sumForEach(arrayMap(_x -> toUInt8(_x > 0), _n))),
       arrayMap(_x -> toInt64(_x), minForEach(_n)), arrayMap(_x -> toInt64(_x), maxForEach(_n)),
       arrayMap(_x -> toInt64(_x), sumForEach(arrayMap(_x -> toUInt8(_x > 1), _n)))
FROM (
    SELECT _event, arrayMap(_t -> countEqual(_types, _t), range({types:UInt16})) AS _n
    FROM (SELECT _event, arrayMap(_o -> _o.1, _objects) AS _types FROM ($rows))
)
GROUP BY _event
ORDER BY _event
LIMIT {limit:UInt64}
