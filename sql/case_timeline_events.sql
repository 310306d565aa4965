-- All events of one case, each with the activity before and what passed since.
SELECT *, _us - lagInFrame(_us, 1, _us) OVER _case AS _gap_us, lagInFrame(_label, 1, '') OVER _case AS _before
FROM (
    SELECT $time_us AS _us, $order AS _order, CAST($event, 'String') AS _label, CAST($resource, 'String') AS _by, CAST($session, 'String') AS _session
    FROM $from
    WHERE $who
)
WINDOW _case AS (ORDER BY _us, _order, _label, _by, _session ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
