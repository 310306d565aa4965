-- Who took one step of the path runs, with the start of the first such run and the moment of the step.
WITH $codes
SELECT who, first.1, first.2, first.3, first.4, toInt64(count() OVER ())
FROM (
    SELECT who, min((entered, moment, a[i].2, a[i].3)) AS first
    FROM (
        SELECT who, a, f, t, entered, indexOf(arrayMap(x -> x.1, a), x) AS i, toInt64(bitShiftRight(x, shift)) + {zero_us:Int64} AS moment
        FROM (
            SELECT who, a, bitAnd(bitShiftRight(toUInt64(r[{step:UInt8}]), 2), 65535) AS f, bitAnd(bitShiftRight(toUInt64(r[{step:UInt8} + 1]), 2), 65535) AS t,
                   toInt64(bitShiftRight(r[1], shift)) + {zero_us:Int64} AS entered, if(t = 0, r[{step:UInt8}], r[{step:UInt8} + 1]) AS x
            FROM ($runs)
        )
        WHERE f != 0 AND $source AND $target
    )
    GROUP BY who
)
ORDER BY who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
