-- How many rows arrived, from when to when they are, and of how many actors, events and cases. Most of it the projection "bounds" answers.
SELECT toInt64(sum(n)), min(earliest), max(latest),
       (SELECT toInt64($actors) FROM sextant_import.$table), toInt64(count()), (SELECT toInt64($cases) FROM sextant_import.$table),
       (SELECT toInt64(count()) FROM system.tables WHERE database = 'sextant' AND name = {source:String})
FROM (SELECT event, count() AS n, min(toUnixTimestamp64Micro(time)) AS earliest, max(toUnixTimestamp64Micro(time)) AS latest
      FROM sextant_import.$table GROUP BY event)
