-- Who was active in so many intervals, with the first and the last event, and the event and session of the last.
SELECT any(actor) AS who, min(first_us), max(last_us), argMax(latest.1, last_us), argMax(latest.2, last_us), toInt64(count() OVER ())
FROM (
    SELECT _key, any(_who) AS actor, count() AS times, min(_us) AS first_us, max(_us) AS last_us,
           argMax((_event, _session), (_us, _order, _event)) AS latest
    FROM ($rows)
    GROUP BY _key, _i
    HAVING times >= {min_times:UInt64}
)
GROUP BY _key
HAVING count() >= {least:UInt64} AND count() <= {most:UInt64}
ORDER BY who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
