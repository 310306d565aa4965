-- All events of the cases that a call selects, with everything that is known of each.
SELECT $who AS _who, $time_us AS _us, $order AS _order, CAST($event, 'String') AS _label, arrayFilter(x -> notEmpty(x.1) AND notEmpty(x.2), $pairs) AS _pairs
FROM $from
WHERE $where
