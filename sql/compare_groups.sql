-- How many actors of two groups, and of both, have each value of some fields. Field 0 stands for all actors.
SELECT pair.1, pair.2, toInt64($distinct_if(_who, _a)), toInt64($distinct_if(_who, _b)), if(pair.1 = 0, toInt64(uniqExactIf(_who, _a AND _b AND pair.1 = 0)), 0)
FROM (
    SELECT _who, _a, _b, arrayJoin(arrayPushFront(_fields, (toUInt16(0), ''))) AS pair
    FROM ($rows)
)
GROUP BY pair.1, pair.2
ORDER BY pair.1 > 0, count() DESC, pair.1, pair.2
LIMIT {limit:UInt64}
