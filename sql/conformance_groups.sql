-- Cases that have the same in common: the sequence of activities, as numbers of their names, and $extra. How many they are, one of them, how long they take in all, and the first of them by name; the names stand in one of the rows. Cases of too many events have no sequence.
WITH $names AS _names
SELECT _activities, toInt64(_n), _example, toInt64(_ms), _extra, _ids, _is_long, if(rowNumberInAllBlocks() = 0, _names, [])
FROM (
    SELECT _activities, _extra, _is_long, count() AS _n, min(_case) AS _example, sum(intDiv(_last_us - _first_us, 1000)) AS _ms, $ids AS _ids
    FROM (
        SELECT _case, _extra, _first_us, _last_us, length(_events) > {max_events:UInt64} AS _is_long,
               if(_is_long, [], arrayMap(x -> x.3, _events)) AS _activities
        FROM ($cases)
    )
    GROUP BY _activities, _extra, _is_long
    ORDER BY _n DESC, _activities, _extra
    LIMIT {limit:UInt64}
)
