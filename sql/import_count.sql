-- How many rows arrived, and from when to when they are.
SELECT toInt64(count()), toUnixTimestamp64Micro(min(time)), toUnixTimestamp64Micro(max(time)),
       toInt64(uniqExact(sipHash64(actor))), toInt64(uniqExact(event)),
       toInt64(uniqExactIf(sipHash64(case_id), case_id != '')),
       (SELECT toInt64(count()) FROM system.tables WHERE database = 'sextant' AND name = {source:String})
FROM sextant_import.$table
