-- How large the log of some cases is: events, cases, properties that have a value, and the bytes of all texts.
SELECT toInt64(count()), toInt64(uniqExact(_who)), toInt64(sum(length(_pairs))), toInt64(sum(length(_who) + length(_label) + arraySum(x -> length(x.1) + length(x.2), _pairs)))
FROM ($rows)
