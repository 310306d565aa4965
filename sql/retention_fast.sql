-- How many actors came in each interval and came back so many intervals later, from one bitmap of their numbers for each interval.
SELECT toUInt8(0), CAST([], 'Array(String)'), toInt64(came.1), toInt64(period),
       toInt64(if(period = 0, bitmapCardinality(came.2), bitmapAndCardinality(came.2, tupleElement(arrayFirst(x -> x.1 = came.1 + period, backs), 2))))
FROM (
    SELECT came, backs, arrayJoin(arrayMap(x -> x.1 - came.1, arrayFilter(x -> x.1 >= came.1 AND x.1 < came.1 + {periods:Int32}, backs))) AS period
    FROM (
        SELECT arrayJoin(arrayFilter(x -> x.1 >= 0, groupArray((i, cohort)))) AS came, groupArray((i, back)) AS backs
        FROM (
            SELECT i, back, if({is_first:UInt8}, bitmapAndnot(start, groupBitmapMergeState(start) OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)), start) AS cohort
            FROM (
                SELECT _i AS i, groupBitmapStateIf(_key, _start) AS start, groupBitmapStateIf(_key, _back) AS back
                FROM ($rows)
                GROUP BY i
            )
        )
    )
)
WHERE bitmapCardinality(came.2) > 0
ORDER BY came.1, period
