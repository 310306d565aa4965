-- Who is new (0), returning (1), resurrecting (2) or dormant (3) in the interval 1, of the rows of it, of the one before (0) and of all before that (-1): with the first and the last event there; of the dormant, in the one before.
SELECT any(_who) AS who, minIf(_us, is_shown), maxIf(_us, is_shown) AS last_us,
       argMaxIf(_event, (_us, _order, _event), is_shown), argMaxIf(_session, (_us, _order, _event), is_shown),
       toInt64(count() OVER ())
FROM (SELECT *, _i = if({status:UInt8} = 3, 0, 1) AS is_shown FROM ($rows))
GROUP BY _key
HAVING countIf(is_shown) > 0
   AND multiIf({status:UInt8} = 0, min(_i) = 1,
               {status:UInt8} = 1, countIf(_i = 0) > 0,
               {status:UInt8} = 2, min(_i) = -1 AND countIf(_i = 0) = 0,
               countIf(_i = 1) = 0)
ORDER BY who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
