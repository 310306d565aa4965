-- Who stands in one cell of a retention matrix, with the moment they came and the first return in the cell's periods.
SELECT who, entered, back.1, back.3, back.4, toInt64(count() OVER ())
FROM (
    SELECT *, {first:Int32} = 0 AS is_start,
           arrayFilter((y, x) -> x >= {first:Int32} AND x <= {last:Int32}, visits, came) AS backs,
           if(is_start, (entered, entered_order, entered_event, entered_session), backs[1]) AS back
    FROM (
        SELECT *, dense_rank() OVER (ORDER BY size DESC, v) > {breakdown_limit:UInt32} AS is_other
        FROM (SELECT *, count() OVER (PARTITION BY v) AS size FROM ($visits))
    )
    WHERE cohort = {cohort:Int32}
      AND ({any_value:UInt8} OR if({is_other:UInt8}, is_other, NOT is_other AND v = {values:Array(String)}))
      AND (is_start OR notEmpty(backs))
)
ORDER BY who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
