-- Which of the named events a source has, and when they were first and last seen.
SELECT toString($event) AS _event, $first_us, $last_us
FROM $table
WHERE $event IN {names:Array(String)}
GROUP BY _event
