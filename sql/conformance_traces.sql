-- The distinct sequences of activities of all cases: the columns of conformance_groups, with nothing extra. The first row is of no sequence: it has the names, how many cases there are and how many look unfinished.
WITH $codes
SELECT _activities, toInt64(n), example, toInt64(ms), 0, CAST([], 'Array(String)'), multiIf(_is_long, 1, empty(_activities), 2, 0), if(empty(ends), [], names),
       if(empty(ends), [], [toInt64(length(ends)), toInt64(arrayCount(x -> toInt64(x) > {until:Int64} - toInt64(arrayReduce('quantileExactInclusive(0.5)', durations)), ends))])
FROM (
    SELECT length(_trace) > {max_events:UInt64} AS _is_long, if(_is_long, CAST([], 'Array(UInt16)'), _trace) AS _activities, count() AS n,
           toString(min($example)) AS example, sum(intDiv(_last - _first, 1000)) AS ms, groupArrayArray(_durations) AS durations, groupArrayArray(_ends) AS ends
    FROM ($traces)
    GROUP BY _is_long, _activities
    ORDER BY _is_long = 0 AND empty(_activities) DESC, n DESC, _activities
    LIMIT {limit:UInt64}
)
ORDER BY _is_long = 0 AND empty(_activities) DESC, n DESC, _activities
