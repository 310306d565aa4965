-- How often work passes from one type of object to another, and how long after the last event before: an object begins in an event with an older one of another type, or an id goes on as a category of another name. Types from and to, count, median and 95th percentile in seconds.
SELECT toInt64(_old.1) AS _from, toInt64(_new.1) AS _to, toInt64(count()), quantilesExactInclusive(0.5, 0.95)((_us - _old.2) / 1000000)
FROM (
    SELECT _us, _old, arrayJoin(_news) AS _new
    FROM (
        SELECT _us, arrayJoin(_olds) AS _old, _news
        FROM (
            SELECT any(_us) AS _us,
                   groupArrayIf((assumeNotNull(_type_before), assumeNotNull(_us_before), _id), isNotNull(_us_before)) AS _olds,
                   groupArrayIf((_type, isNull(_us_before), _id), isNull(_us_before) OR _type_before != _type) AS _news
            FROM (
                SELECT _row, _us, _type, _id,
                       lagInFrame(toNullable(_us)) OVER _life AS _us_before, lagInFrame(toNullable(_type)) OVER _life AS _type_before
                FROM (
                    SELECT _row, _us, _order, _o.1 AS _type, sipHash64({families:Array(String)}[_o.1 + 1], _o.2) AS _id
                    FROM (SELECT _row, _us, _order, arrayJoin(_objects) AS _o FROM (SELECT *, rowNumberInAllBlocks() AS _row FROM ($rows)))
                )
                WINDOW _life AS (PARTITION BY _id ORDER BY _us, _order, _row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
            )
            GROUP BY _row
            HAVING notEmpty(_olds) AND notEmpty(_news) AND length(_olds) <= {most:UInt64} AND length(_news) <= {most:UInt64}
        )
    )
)
WHERE _old.1 != _new.1 AND (_new.2 OR _old.3 = _new.3)
GROUP BY _from, _to
ORDER BY count() DESC, _from, _to
