-- Every two events of a case, whatever lies between: the number of their activities, and the microseconds from one to the other. Cases of too many events have none.
SELECT _case, _first_us, _last_us, _is_long,
       arrayFlatten(arrayMap((a, i) -> arrayMap(b -> toUInt64(a) * (length(_names) + 1) + b, arraySlice(_a, i + 1)), _a, arrayEnumerate(_a))) AS _pairs,
       arrayFlatten(arrayMap((t, i) -> arrayMap(u -> toFloat64(u - t), arraySlice(_t, i + 1)), _t, arrayEnumerate(_t))) AS _times
FROM (
    SELECT _case, _first_us, _last_us, length(_events) > {max_events:UInt64} AS _is_long,
           if(_is_long, [], arrayMap(x -> x.3, _events)) AS _a, if(_is_long, [], arrayMap(x -> x.1, _events)) AS _t
    FROM ($cases)
)
