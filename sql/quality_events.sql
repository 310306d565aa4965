-- How many events were checked.
SELECT toInt64(count())
FROM $from
WHERE $where
