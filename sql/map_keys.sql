-- Which of these keys of a Map the first row has that has any of them.
SELECT arrayFilter(k -> has(mapKeys($map), k), {keys:Array(String)})
FROM $within AND hasAny(mapKeys($map), {keys:Array(String)})
LIMIT 1
