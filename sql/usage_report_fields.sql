-- Which of the names that a usage report understands the events of a period bear: property keys, and event names.
SELECT arrayIntersect(groupUniqArrayArray(_keys), {keys:Array(String)}), groupUniqArrayIf(_event, has({events:Array(String)}, _event))
FROM ($rows)
