-- When the first and the last event of a source happened, and the clock of the database.
SELECT $first_us, $last_us, toInt64(count()), toUnixTimestamp64Micro(now64(6))
FROM $table
