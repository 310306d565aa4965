-- What share of the events names an actor and a session.
SELECT toInt64(count()), toInt64(countIf($actor != '')), toInt64(countIf($session != ''))
FROM $from
WHERE $in_period
