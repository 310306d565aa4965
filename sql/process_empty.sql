-- Why no case is selected: how many events the data have, how many cases, those that begin in the period, those with an event that passes the filters, and those of the segment.
SELECT toInt64(count()), toInt64(uniqExactIf(_key, _is_case)), toInt64(uniqExactIf(_key, _is_case AND _in_period)), toInt64(uniqExactIf(_key, _is_case AND _passes)),
       toInt64(uniqExactIf(_key, _is_case AND _is_member))
FROM (SELECT $key AS _key, _key != $nobody AS _is_case, $period AS _in_period, $filters AS _passes, $segment AS _is_member FROM $from)
