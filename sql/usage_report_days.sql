-- How many events and actors there were each day, and in all.
SELECT grouping(_at), _at, toInt64(count()), toInt64(uniqExactIf(_key, _named)), toInt64(uniqExactIf(_visit, _in_visit))
FROM ($rows)
GROUP BY GROUPING SETS ((_at), ())
ORDER BY grouping(_at), _at
