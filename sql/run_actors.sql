-- Who stands behind a set of rows: with the first and the last of them, and the event and session of the last.
SELECT _who, min(_us), max(_us), argMax(_event, (_us, _order, _event)), argMax(_session, (_us, _order, _event)),
       toInt64(count() OVER ())
FROM ($rows)
GROUP BY _who
ORDER BY _who
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
