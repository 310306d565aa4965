-- The cases of one page: first and last event, what the last one was and its session.
SELECT $case AS _case, toInt64(min($time_us)), toInt64(max($time_us)),
       argMax(toString($event), ($time_us, $order)), argMax(toString($session), ($time_us, $order)), {total:Int64}
FROM $from
WHERE $case IN {ids:Array(String)}
GROUP BY _case
ORDER BY _case
