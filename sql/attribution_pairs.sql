-- How many journeys have two channels, or one (paired with itself): those that led to a conversion, those that did not.
SELECT pair.1, pair.2, toInt64(countIf(NOT is_lost)), toInt64(countIf(is_lost))
FROM (
    SELECT is_lost, arrayJoin(arrayFlatten(arrayMap((x, i) -> arrayMap(y -> (x, y), arraySlice(channels, i)), channels, arrayEnumerate(channels)))) AS pair
    FROM (SELECT is_lost, arraySort(arrayDistinct(arrayMap(x -> toInt32(x.2), path))) AS channels FROM ($journeys) WHERE notEmpty(path))
)
GROUP BY pair
ORDER BY pair
