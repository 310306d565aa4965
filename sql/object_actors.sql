-- The objects of a type that have one activity right after another (either '' with kind 1 and 2: those that begin or end with one): when they began, when they had it last, their last event.
SELECT _id AS _who, min(_life[1].1), max(_life[-1].1), any(_life[-1].3), '', toInt64(count() OVER ())
FROM (
    SELECT _o.2 AS _id, arraySort(arrayZip(groupArray(_us), groupArray(_order), groupArray(_event))) AS _life, arrayMap(_x -> _x.3, _life) AS _activities
    FROM (SELECT _us, _order, _event, arrayJoin(_objects) AS _o FROM ($rows))
    GROUP BY _id
    HAVING multiIf({kind:UInt8} = 1, _activities[1] = {to:String}, {kind:UInt8} = 2, _activities[-1] = {from:String},
                   arrayExists((_a, _b) -> _a = {from:String} AND _b = {to:String}, arrayPopBack(_activities), arrayPopFront(_activities)))
)
GROUP BY _who
ORDER BY _who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
