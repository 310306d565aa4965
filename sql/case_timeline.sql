-- The events of one case in order, each with what passed since the one before.
SELECT _us, _label, _by, _session, _gap_us
FROM ($rows)
ORDER BY _us, _order, _label, _by, _session, _gap_us DESC
LIMIT {limit:UInt64} OFFSET {offset:UInt64}
