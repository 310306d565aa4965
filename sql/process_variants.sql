-- The distinct sequences of activities, how many cases follow each, how long they take, and one of them. The first row has no activities: it tells of all cases (see process_plan_variants()).
WITH $codes
SELECT arraySlice(_trace, 1, {max_trace:UInt32}), toInt64(n), took[1] / 1e6, took[2] / 1e6, example, if(empty(_trace), names, []),
       if(empty(_trace), [toInt64(length(lengths)), toInt64(arraySum(lengths)), toInt64(all_rows) - 1, toInt64(arrayReduce('min', lengths)), toInt64(arrayReduce('max', lengths)),
                          toInt64(arrayCount(x -> toInt64(x) > {until:Int64} - typical, ends))], []),
       if(empty(_trace), arrayReduce('quantileExactInclusive(0.5)', lengths), 0)
FROM (
    SELECT *, if(empty(durations), toInt64(0), toInt64(arrayReduce('quantileExactInclusive(0.5)', durations))) AS typical
    FROM (
        SELECT _trace, count() AS n, $percentiles(0.5, 0.9)(toInt64(_last - _first)) AS took, toString(min($example)) AS example, count() OVER () AS all_rows,
               groupArrayArray(_lengths) AS lengths, groupArrayArray(_durations) AS durations, groupArrayArray(_ends) AS ends
        FROM ($traces)
        GROUP BY _trace
        ORDER BY _trace >= [toUInt16(1)], n DESC, _trace
        LIMIT {limit:UInt64}
    )
)
ORDER BY _trace >= [toUInt16(1)], n DESC, _trace
