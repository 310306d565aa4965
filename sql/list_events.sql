-- The event catalogue: volume in the period, its change from the first half to the second, and when each event was seen first and last.
SELECT _event, toInt64(_n), toInt64(_actors), toInt64(_sessions), _first_us, _last_us, toInt64(_late), toInt64(_events), _begin_us
FROM (
    SELECT *, count() OVER () AS _events
    FROM (
        SELECT *, min(_first_us) OVER () AS _begin_us
        FROM (
            SELECT toString($event) AS _event,
                   countIf($in_period) AS _n,
                   $distinct_if($actor, $in_period AND $actor != '') AS _actors,
                   $distinct_if($session, $in_period AND $session != '') AS _sessions,
                   $first_us AS _first_us,
                   $last_us AS _last_us,
                   countIf($in_late_half) AS _late
            FROM $from
            GROUP BY _event
        )
    )
    WHERE _n >= {min_count:UInt64} AND NOT has({hidden:Array(String)}, _event)
        AND (empty({search:String}) OR positionCaseInsensitiveUTF8(_event, {search:String}) > 0 OR has({also:Array(String)}, _event))
)
ORDER BY _n DESC, _event
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
