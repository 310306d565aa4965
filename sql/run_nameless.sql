-- Matching events, how many of them name what is counted, and how many of those are of the segment: why a result has nobody in it.
SELECT toInt64(count()), toInt64(countIf($actor != '')), toInt64(countIf($actor != '' AND $member))
FROM $from
WHERE $where
