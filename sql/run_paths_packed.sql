-- The path runs of many actors at once, each run an array of its events in order: one number per event, see paths.c.
SELECT arrayJoin(arraySplit((x, u, v) -> toUInt64(u - v) >= {gap_us:UInt64}, q, t, arrayShiftRight(t, 1))) AS run
FROM (
    SELECT $checked AS q, arrayMap(x -> toUInt64(bitShiftRight(x, shift)), q) AS t
    FROM (SELECT arraySort(groupArray($event)) AS p FROM ($rows)$condition GROUP BY $bucket)
)
