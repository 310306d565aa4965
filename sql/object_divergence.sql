-- How many objects of a type have an activity more than once. (A list for each object takes less memory than a group for each object and activity.)
SELECT toInt64(_type), _event, toInt64(count()) AS _objects_so
FROM (
    SELECT _o.1 AS _type, sipHash64(_o.2) AS _id, arrayJoin(arrayFilter((_e, _n) -> _n = 2, groupArray(_event) AS _all, arrayEnumerateUniq(_all))) AS _event
    FROM (SELECT _event, arrayJoin(_objects) AS _o FROM ($rows))
    GROUP BY _type, _id
)
GROUP BY _type, _event
ORDER BY _objects_so DESC, _type, _event
LIMIT {limit:UInt64}
