-- The selected cases: how many, their events, and how many may still be running (their last event is younger than a typical case is long).
SELECT toInt64(count()), toInt64(sum(events)),
       toInt64(countIf(last_us > {until_us:Int64} - typical_us))
FROM (
    SELECT *, toInt64(quantileExactInclusive(0.5)(last_us - first_us) OVER ()) AS typical_us
    FROM (
        SELECT $case AS case_id, count() AS events, min($time_us) AS first_us, max($time_us) AS last_us
        FROM $from
        WHERE $case != ''
        GROUP BY case_id
        HAVING $selected
    )
)
