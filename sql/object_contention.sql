-- For which objects of a type ($wanted) others had to wait: between a case's last event and the event for which it needed the object, that had an event with another case. Object, cases that waited, times they did, median, 95th percentile and sum in seconds, when most waited at once, how many such objects there are.
SELECT _x, toInt64(uniqExact(_case)) AS _cases, toInt64(count()), quantilesExactInclusive(0.5, 0.95)((_us - _ready) / 1000000),
       sum(_us - _ready) / 1000000 AS _waited, toInt64(maxIntersectionsPosition(_ready, _us)), toInt64(count() OVER ())
FROM (
    SELECT _us, assumeNotNull(_before) AS _ready, _case, arrayJoin(_used) AS _u, _u.1 AS _x
    FROM (
        SELECT _us, _used, _case,
               lagInFrame(toNullable(_us)) OVER (PARTITION BY _case ORDER BY _us, _order, _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS _before
        FROM (
            SELECT _row, any(_us) AS _us, any(_order) AS _order, arrayJoin(any(_cases)) AS _case,
                   groupArrayIf((_x, assumeNotNull(_served)), _x != '' AND isNotNull(_served)) AS _used
            FROM (
                SELECT _row, _us, _order, _cases, _x,
                       lagInFrame(toNullable(_us)) OVER (PARTITION BY _x ORDER BY _us, _order, _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS _served
                FROM (
                    SELECT _row, _us, _order, _cases, arrayJoin(if(empty(_wanted), [''], _wanted)) AS _x
                    FROM (
                        SELECT rowNumberInAllBlocks() AS _row, _us, _order, $wanted AS _wanted, $cases AS _cases
                        FROM ($rows)
                    )
                    WHERE notEmpty(_cases)
                )
            )
            GROUP BY _row
        )
    )
    WHERE isNotNull(_before) AND _u.2 > _before
)
GROUP BY _x
ORDER BY _cases DESC, _waited DESC, _x
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
