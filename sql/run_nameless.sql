-- Matching events, and how many of them name what is counted: why a result has nobody in it.
SELECT toInt64(count()), toInt64(countIf($actor != ''))
FROM $from
WHERE $where
