-- When a session's events begin and end, and who it was.
SELECT toInt64(count()), $first_us, $last_us, argMaxIf($actor, $time, $actor != '')
FROM $table
WHERE $session = {session:String}
