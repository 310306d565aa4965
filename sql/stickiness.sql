-- In how many intervals of the period (1) and of the one before it (0) an actor was active, and how many actors so; and over the complete days from lo to hi the sums of who was active on each, in the 7 and in the 30 days that end with it: every active day covers that many, up to the next one.
SELECT toInt64(bucket.1), toInt64(bucket.2), toInt64(count()), toInt64(sum(if(bucket.1 = 1, daily, 0))),
       toInt64(sum(if(bucket.1 = 1, weekly, 0))), toInt64(sum(if(bucket.1 = 1, monthly, 0)))
FROM (
    SELECT arrayJoin([(1, arrayCount(x -> x >= {first:Int32}, came)),
                      (0, arrayCount(x -> x >= 0 AND x < {first:Int32}, came))]) AS bucket,
           arrayPushBack(arrayPopFront(days), 2147483647) AS following,
           arrayCount(x -> x >= {lo:Int32} AND x <= {hi:Int32}, days) AS daily,
           arraySum((x, y) -> greatest(0, least({hi:Int32} + 1, x + 7, y) - greatest({lo:Int32}, x)), days, following) AS weekly,
           arraySum((x, y) -> greatest(0, least({hi:Int32} + 1, x + 30, y) - greatest({lo:Int32}, x)), days, following) AS monthly
    FROM ($actors)
)
GROUP BY bucket
ORDER BY bucket
