-- Times that cannot be right, over all of the data: none at all, in the future, before 2000.
SELECT toInt64(count()), toInt64(countIf($is_null)), toInt64(countIf(NOT $is_null AND $time_us > toUnixTimestamp64Micro(now64(6)) + 300000000)), max($time_us),
       toInt64(countIf(NOT $is_null AND $time_us < 946684800000000)), min($time_us)
FROM $from
WHERE $where
