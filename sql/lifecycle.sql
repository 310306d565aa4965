-- How many actors are new (0), returning (1), resurrecting (2) and dormant (3) in each interval after the first, from the intervals in which each of them was active: -1 is any before the first one.
SELECT toInt64(change.1), toInt64(change.2), toInt64(count())
FROM (
    SELECT arrayJoin(arrayConcat(
        arrayFilter(x -> x.1 > 0, arrayMap((i, before, k) -> (i, multiIf(k = 1, 0, i - before = 1, 1, 2)),
                                           came, arrayPushFront(arrayPopBack(came), -1), arrayEnumerate(came))),
        arrayFilter(x -> x.1 > 0 AND x.1 <= {last:Int32}, arrayMap((i, after) -> (if(after = i + 1, -1, i + 1), 3),
                                                                   came, arrayPushBack(arrayPopFront(came), -1))))) AS change
    FROM (SELECT arraySort(groupUniqArray(_i)) AS came FROM ($rows) GROUP BY _key)
)
GROUP BY change
ORDER BY change
