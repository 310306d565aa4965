-- The path runs, each as in run_paths_packed, with whose it is, and the event and the session of each of its numbers.
SELECT who, a, arrayMap(x -> x.1, a) AS run
FROM (
    SELECT who, arrayJoin(arraySplit((x, u, v) -> toUInt64(u - v) >= {gap_us:UInt64}, s, q, arrayShiftRight(q, 1))) AS a
    FROM (
        SELECT who, s, arrayMap(x -> toUInt64(bitShiftRight(x.1, shift)), s) AS q
        FROM (SELECT _who AS who, arraySort(groupArray(($event, _event, _session))) AS s FROM ($rows) GROUP BY _who)
    )
)
