-- Whom each series counts and when, by breakdown value, where they are numbers: see trend_packed.c.
SELECT $values AS v, toUInt8(0) AS other, $bucket AS _bucket$arrays
FROM (SELECT *, $index AS _i FROM ($rows))
GROUP BY $keys, _bucket
