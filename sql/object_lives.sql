-- What the objects of each type ({only} = -1), or of one, go through: what follows what in their lives (kind 0), which activities they begin (1) and end with (2), whole sequences of activities (3). Type, kind, from, to, activities, all of these, objects or times, those of the kind and type in all, how many different ones there are, one of the objects.
SELECT _type, _kind, _from, _to, arraySlice(_activities, 1, {activities:UInt64}), toInt64(length(_activities)), _n, _sum, _distinct, _one
FROM (
    SELECT _type, _kind, _from, _to, _activities, _n, _one, toInt64(sum(_n) OVER (PARTITION BY _type, _kind)) AS _sum,
           toInt64(count() OVER (PARTITION BY _type, _kind)) AS _distinct,
           row_number() OVER (PARTITION BY _type, _kind ORDER BY _n DESC, _from, _to, _activities) AS _rank
    FROM (
        SELECT toInt64(_life_type) AS _type, toInt64(_part.1) AS _kind, _part.2 AS _from, _part.3 AS _to, _part.4 AS _activities, toInt64(sum(_count)) AS _n, min(_example) AS _one
        FROM (
            SELECT _life_type, _count, _example,
                   arrayJoin(arrayConcat(arrayMap((_a, _b) -> (toUInt8(0), _a, _b, emptyArrayString()), arrayPopBack(_life), arrayPopFront(_life)),
                                         [(toUInt8(1), '', _life[1], emptyArrayString()), (toUInt8(2), _life[-1], '', emptyArrayString()), (toUInt8(3), '', '', _life)])) AS _part
            FROM (
                SELECT _life_type, _life, count() AS _count, min(_id) AS _example
                FROM (
                    SELECT _o.1 AS _life_type, _o.2 AS _id, arrayMap(_x -> _x.3, arraySort(arrayZip(groupArray(_us), groupArray(_order), groupArray(_event)))) AS _life
                    FROM (SELECT _us, _order, _event, arrayJoin(_objects) AS _o FROM ($rows))
                    WHERE {only:Int64} < 0 OR _o.1 = {only:Int64}
                    GROUP BY _life_type, _id
                )
                GROUP BY _life_type, _life
            )
        )
        GROUP BY _type, _kind, _from, _to, _activities
    )
)
WHERE _rank <= if(_kind = 3, {variants:UInt64}, {edges:UInt64})
ORDER BY _type, _kind, _rank
LIMIT {limit:UInt64}
