-- What activities are numbered by: 1, 2, … in the order of their names, `rare` those that are not told apart, in `bits` bits each. And how many bits of a case's number tell the cases of one array apart.
(SELECT arraySort(groupArray(name)) FROM (
    SELECT CAST($label, 'String') AS name FROM $from WHERE $where GROUP BY name ORDER BY count() DESC, name LIMIT {max_activities:UInt32})) AS names,
$bits AS bits, bitShiftLeft(toUInt64(1), bits) - 1 AS rare,
toUInt8(greatest(0, least(12, toInt16($room) - toInt16({time_bits:UInt8}) - 1))) AS share_bits
