-- Cases with the same pairs of activities too far apart in time or too near: which pairs, by their place in the profile; else as conformance_groups. What is extra: how many of the pairs of events of one case are so, and the sum of the shares that are not. The names and the profile stand in one of the rows.
WITH $names AS _names, $profile AS _profile,
     -- The profile: of each pair its number, mean and standard deviation, microseconds. Times are whole ones, half a one is left for rounding.
     arrayMap((m, s) -> m - $zeta * s - 0.5, _profile.2, _profile.3) AS _least,
     arrayMap((m, s) -> m + $zeta * s + 0.5, _profile.2, _profile.3) AS _most
SELECT _activities, toInt64(_n), _example, toInt64(_ms), [toFloat64(_late), _kept], _ids, _is_long,
       if(rowNumberInAllBlocks() = 0, _names, []) AS _named, if(rowNumberInAllBlocks() = 0, _profile, ([], [], []))
FROM (
    SELECT _activities, _late, _is_long, count() AS _n, sum(if(_known > 0, 1 - _late / _known, 1)) AS _kept,
           min(_case) AS _example, sum(intDiv(_last_us - _first_us, 1000)) AS _ms, $ids AS _ids
    FROM (
        SELECT _case, _first_us, _last_us, _is_long, length(_wrong) AS _late,
               arrayCount(k -> transform(k, _profile.1, arrayEnumerate(_profile.1), toUInt32(0)) > 0, _pairs) AS _known,
               arraySort(arrayDistinct(arrayMap(k -> transform(k, _profile.1, arrayEnumerate(_profile.1), toUInt32(0)), _wrong))) AS _activities
        FROM (
            SELECT _case, _first_us, _last_us, _is_long, _pairs,
                   arrayFilter((k, d) -> d < transform(k, _profile.1, _least, toFloat64(-inf)) OR d > transform(k, _profile.1, _most, toFloat64(inf)), _pairs, _times) AS _wrong
            FROM ($pairs)
        )
    )
    GROUP BY _activities, _late, _is_long
    ORDER BY _n DESC, _activities, _late
    LIMIT {limit:UInt64}
)
