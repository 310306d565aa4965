-- The selected cases: how many, their events, and how many may still be running (their last event is younger than a typical case is long).
SELECT toInt64(count()), toInt64(sum(_events)),
       toInt64(countIf(_last_us > {until_us:Int64} - _typical_us))
FROM (
    SELECT *, toInt64(quantileExactInclusive(0.5)(_last_us - _first_us) OVER ()) AS _typical_us
    FROM (
        SELECT $case AS _case, count() AS _events, min($time_us) AS _first_us, max($time_us) AS _last_us
        FROM $from
        WHERE $case != '' AND $segment
        GROUP BY _case
        HAVING $selected
    )
)
