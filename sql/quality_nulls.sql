-- How many events of each name lack an actor, or a session.
SELECT _event, toInt64(count()), toInt64(countIf(_actor = '')), toInt64(countIf(_session = ''))
FROM (SELECT $event AS _event, $actor AS _actor, $session AS _session FROM $from WHERE $where)
GROUP BY _event
ORDER BY count() DESC, _event
LIMIT {limit:UInt64}
