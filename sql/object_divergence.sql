-- How many objects of a type have an activity more than once.
SELECT toInt64(_type), _event, toInt64(countIf(_times > 1)) AS _objects_so
FROM (
    SELECT _o.1 AS _type, sipHash64(_o.2) AS _id, _event, count() AS _times
    FROM (SELECT _event, arrayJoin(_objects) AS _o FROM ($rows))
    GROUP BY _type, _id, _event
)
GROUP BY _type, _event
HAVING _objects_so > 0
ORDER BY _objects_so DESC, _type, _event
LIMIT {limit:UInt64}
