-- What one actor did, session after session; who and when of a session are of all its events in the period.
SELECT $columns, $session AS _in_session,
       if(_in_session = '', _at_us, min(_at_us) OVER (PARTITION BY _in_session)) AS _began_us,
       if(_in_session = '', _at_us, max(_at_us) OVER (PARTITION BY _in_session)) AS _ended_us
FROM $from
WHERE $who AND $in_time
ORDER BY _began_us, _in_session, _at_us, $order
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
