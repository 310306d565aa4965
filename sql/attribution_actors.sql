-- Who has a conversion that credits one channel: the first touch of it that counts, and the last of these conversions.
SELECT who, min(touched), max(at), argMax(place.1, at), argMax(place.2, at), toInt64(count() OVER ())
FROM (SELECT who, at, place, path, arrayJoin(if(empty(path), [(at, {none:String})], path)) AS touch, touch.1 AS touched FROM ($journeys))
WHERE $in_cell
GROUP BY who
ORDER BY who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
