-- Where the median of each edge lies, as the steps of some cases tell: between two of their delays, five standard deviations off. Of an edge that is not among them, anywhere. Elements 1, for those, have no edge.
,
(
    SELECT (groupArray(edge), arrayPushFront(groupArray(low), toUInt64(0)), arrayPushFront(groupArray(high), toUInt64(18446744073709551615)))
    FROM (
        SELECT edge, arraySort(groupArray(delay)) AS delays, length(delays) AS n, 2.5 / sqrt(n) AS off,
               if(off < 0.5, delays[toUInt64(floor((0.5 - off) * n)) + 1], toUInt64(0)) AS low,
               if(off < 0.5, delays[toUInt64(ceil((0.5 + off) * n))], toUInt64(18446744073709551615)) AS high
        FROM (SELECT edges, delays AS all_delays FROM ($steps))
        ARRAY JOIN edges AS edge, all_delays AS delay
        GROUP BY edge
    )
) AS windows
