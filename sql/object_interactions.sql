-- How many pairs of objects share an event, by their types; events with very many objects are left out, and counted under -1.
SELECT _from, _to, _pairs
FROM (
    SELECT toInt64(_a.1) AS _from, toInt64(_b.1) AS _to, toInt64(uniqExact(sipHash64(_a, _b))) AS _pairs
    FROM (
        SELECT _a, arrayJoin(_all) AS _b
        FROM (
            SELECT arrayJoin(_all) AS _a, _all
            FROM (
                SELECT arrayMap(_o -> (_o.1, sipHash64(_o.2)), _objects) AS _all
                FROM ($rows)
                WHERE length(_objects) BETWEEN 2 AND {most:UInt64}
            )
        )
        WHERE _a < _b
    )
    GROUP BY _from, _to
    UNION ALL
    SELECT toInt64(-1) AS _from, toInt64(-1) AS _to, toInt64(countIf(length(_objects) > {most:UInt64})) AS _pairs FROM ($rows)
)
ORDER BY _from, _to
