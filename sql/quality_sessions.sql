-- Sessions that last longer than a day.
SELECT toInt64(count()), toInt64(countIf(_long > 86400000000)), max(_long), argMax(_session, (_long, _session))
FROM (
    SELECT _session, max(_us) - min(_us) AS _long
    FROM (SELECT $session AS _session, $time_us AS _us FROM $from WHERE $where)
    WHERE _session != ''
    GROUP BY _session
)
