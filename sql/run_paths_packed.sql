-- The path runs of many actors at once, each run an array of its events in order: one number per event, see paths.c.
SELECT arrayJoin(arraySplit((x, u, v) -> toUInt64(u - v) >= {gap_us:UInt64}, p, q, arrayPushFront(arrayPopBack(q), toUInt64(0)))) AS run
FROM (
    SELECT p, arrayMap(x -> toUInt64(bitShiftRight(x, 64)), p) AS q
    FROM (SELECT arraySort(groupArray($event)) AS p FROM ($rows) GROUP BY $bucket)
)
