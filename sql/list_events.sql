-- The event catalogue: volume in the period, its change from the first half to the second, and when each event was seen first and last.
SELECT event, toInt64(n), toInt64(actors), toInt64(sessions), first_us, last_us, toInt64(late), toInt64(distinct_events)
FROM (
    SELECT *, count() OVER () AS distinct_events
    FROM (
        SELECT toString($event) AS event,
               countIf($in_period) AS n,
               $distinct_if($actor, $in_period AND $actor != '') AS actors,
               $distinct_if($session, $in_period AND $session != '') AS sessions,
               $first_us AS first_us,
               $last_us AS last_us,
               countIf($in_late_half) AS late
        FROM $table
        GROUP BY event
    )
    WHERE n >= {min_count:UInt64} AND (empty({search:String}) OR positionCaseInsensitiveUTF8(event, {search:String}) > 0)
)
ORDER BY n DESC, event
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
