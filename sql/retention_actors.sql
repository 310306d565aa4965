-- Who stands in one cell of a retention matrix, with the moment they came and the first return in the cell's interval.
SELECT who, entered, back.1, back.2, back.3, toInt64(count() OVER ())
FROM (
    SELECT *, if({period:Int32} = 0, (entered, entered_event, entered_session),
                 tupleElement(arrayFirst(x -> x.1 = {cohort:Int32} + {period:Int32}, arrayZip(came, visits)), 2)) AS back
    FROM (
        SELECT *, dense_rank() OVER (ORDER BY size DESC, v) > {breakdown_limit:UInt32} AS is_other
        FROM (SELECT *, count() OVER (PARTITION BY v) AS size FROM ($visits))
    )
    WHERE cohort = {cohort:Int32}
      AND ({any_value:UInt8} OR if({is_other:UInt8}, is_other, NOT is_other AND v = {values:Array(String)}))
      AND ({period:Int32} = 0 OR has(came, {cohort:Int32} + {period:Int32}))
)
ORDER BY who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
