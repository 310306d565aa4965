-- Which steps path runs take and how often, and which whole paths are the commonest (step 0).
WITH (SELECT arraySort(groupArray(name)) FROM ($names)) AS names
SELECT toInt64(step),
       if(step = 0, '', if(source = 65535, '(other)', names[source])),
       multiIf(step = 0, '', target = 0, '(drop-off)', target = 65535, '(other)', names[target]),
       toInt64(n), us / n / 1e6,
       if(step = 0, arrayMap(c -> if(c = 65535, '(other)', names[c]), arrayFilter(c -> c != 0, arrayMap(
           i -> toUInt16(bitAnd(bitShiftRight(path, 16 * ({width:UInt8} - i)), 65535)), range(1, {steps:UInt8} + 1)))), []),
       toInt64(runs), toInt64(length(names))
FROM ($edges)
ORDER BY step = 0, if(step = 0, 0, n) DESC, step, source, target
