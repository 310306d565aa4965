-- How much there is of one actor: in all and in the period.
SELECT toInt64(count()), $first_us, $last_us, toInt64(countIf($in_time)), toInt64(uniqExactIf($session, $in_time AND $session != ''))
FROM $from
WHERE $who
