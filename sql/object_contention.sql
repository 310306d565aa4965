-- For which objects of a type ($wanted) others had to wait: between a case's last event and the event for which it needed the object, that had an event with another case. Object, cases that waited, times they did, median, 95th percentile and sum in seconds, when most waited at once, how many such objects there are.
SELECT _x, toInt64(uniqExact(_case)) AS _cases, toInt64(count()), quantilesExactInclusive(0.5, 0.95)((_us - _ready) / 1000000),
       sum(_us - _ready) / 1000000 AS _waited, toInt64(maxIntersectionsPosition(_ready, _us)), toInt64(count() OVER ())
FROM (
    SELECT _us, _wait.1 AS _case, _wait.2 AS _ready, arrayJoin(_used) AS _u, _u.1 AS _x
    FROM (
        SELECT any(_us) AS _us, groupArrayIf((_x, assumeNotNull(_before)), _x != '') AS _used, arrayJoin(groupArrayIf((_id, assumeNotNull(_before)), _x = '')) AS _wait
        FROM (
            SELECT _row, _us, _is_use, _id, _x,
                   lagInFrame(toNullable(_us)) OVER (PARTITION BY _x != '', _id ORDER BY _us, _order, _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS _before
            FROM (
                SELECT _row, _us, _order, _is_use, _o.1 AS _id, _o.2 AS _x
                FROM (
                    SELECT _row, _us, _order, notEmpty(_wanted) AS _is_use,
                           arrayJoin(arrayConcat(arrayMap(_i -> (sipHash64(_i), _i), _wanted), arrayMap(_i -> (_i, ''), _cases))) AS _o
                    FROM (
                        SELECT rowNumberInAllBlocks() AS _row, _us, _order, $wanted AS _wanted, $cases AS _cases
                        FROM ($rows)
                    )
                    WHERE notEmpty(_cases)
                )
            )
        )
        WHERE _is_use AND isNotNull(_before)
        GROUP BY _row
    )
    WHERE _u.2 > _ready
)
GROUP BY _x
ORDER BY _cases DESC, _waited DESC, _x
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
