-- How many events of each name the sample has, in the first three quarters of the period and in the last.
SELECT _event, toInt64(countIf(NOT _late)), toInt64(countIf(_late))
FROM (SELECT $event AS _event, $late AS _late FROM $from WHERE $where AND $sample)
GROUP BY _event
ORDER BY count() DESC, _event
LIMIT {limit:UInt64}
