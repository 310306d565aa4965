-- The events of some cases, case after case, each case in order.
SELECT _who, _us, _label, _pairs
FROM ($rows)
ORDER BY _who, _us, _order, _label, _pairs
