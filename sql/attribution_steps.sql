-- How often journeys go from one channel to the next, and from the last to a conversion or to nothing.
SELECT step.1, step.2, toInt64(count())
FROM (
    SELECT arrayJoin(arrayZip(arrayPushFront(channels, {start:Int32}), arrayPushBack(channels, if(is_lost, {nothing:Int32}, {conversion:Int32})))) AS step
    FROM (SELECT is_lost, arrayMap(x -> toInt32(x.2), path) AS channels FROM ($journeys) WHERE notEmpty(path))
)
GROUP BY step
ORDER BY step
