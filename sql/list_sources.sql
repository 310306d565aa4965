-- How much a source holds: events, actors, first and last event.
SELECT toInt64(count()), toInt64($distinct_if($actor, $actor != '')), $first_us, $last_us
FROM $from
