-- Rows that were imported after others that are more than an hour younger.
SELECT toInt64(count()), toInt64(countIf(_us < _before - 3600000000)), max(_before - _us)
FROM (
    SELECT _us, max(_us) OVER (ORDER BY _order ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS _before
    FROM (SELECT $time_us AS _us, $order AS _order FROM $from WHERE $where)
)
