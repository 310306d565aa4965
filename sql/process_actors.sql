-- The cases of a cell, with the moments when what it is about began and ended, and the activity and session there.
WITH $codes
SELECT _who, events[first].1, events[last].1, events[last].3, events[last].4, toInt64(count() OVER ())
FROM (
    SELECT *, $last AS last, $first AS first
    FROM (
        SELECT _who, arraySort(groupArray((_us, _order, toString(_label), _session$resource))) AS events
        FROM ($rows)
        GROUP BY _who
    )
)
ORDER BY _who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
