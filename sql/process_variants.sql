-- The distinct sequences of activities, how many cases follow each, how long they take, and one of them. The first row has no activities: it tells of all cases (see process_plan_variants()).
WITH $codes
SELECT arraySlice(trace, 1, {max_trace:UInt32}), toInt64(n), took[1] / 1e6, took[2] / 1e6, example, if(empty(trace), names, []),
       if(empty(trace), [toInt64(all_cases), toInt64(events), toInt64(all_rows) - 1, toInt64(shortest), toInt64(longest), toInt64(arrayCount(x -> x > {until:Int64} - floor(typical), ends))], []),
       if(empty(trace), median_length, 0)
FROM (
    -- By 128 bits of hash: to find a trace by itself takes twice as long.
    SELECT groupArray(1)(_trace)[1] AS trace, count() AS n, $percentiles(0.5, 0.9)(toInt64(_last - _first)) AS took, toString(min($example)) AS example, count() OVER () AS all_rows,
           countArray(_lengths) AS all_cases, sumArray(_lengths) AS events, minArray(_lengths) AS shortest, maxArray(_lengths) AS longest, quantileExactInclusiveArray(0.5)(_lengths) AS median_length,
           quantileExactInclusiveArray(0.5)(_durations) AS typical, groupArrayArray(_ends) AS ends
    FROM ($traces)
    GROUP BY cityHash64(_trace), xxh3(_trace)
)
ORDER BY trace >= [toUInt16(1)], n DESC, trace
LIMIT {limit:UInt64}
