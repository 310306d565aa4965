-- When the recording of a session begins and ends, and which service sent it, and how long its texts are.
SELECT toInt64(count()), toUnixTimestamp64Micro(min(Timestamp)), toUnixTimestamp64Micro(max(Timestamp)),
    arraySort(groupUniqArray(toString(ServiceName))), toInt64(sum(length(Body)))
FROM $table
WHERE $session = {session:String} AND $in_time
