-- Which steps path runs take and how often, and which whole paths are the commonest (step 0).
WITH $codes
SELECT toInt64(step),
       if(step = 0, '', if(source = 65535, '(other)', names[source])),
       multiIf(step = 0, '', target = 0, '(drop-off)', target = 65535, '(other)', names[target]),
       toInt64(n), us / n / 1e6,
       if(step = 0, arrayMap(c -> if(c = rare, '(other)', names[c]), arrayFilter(c -> c != 0, arrayMap(
           i -> toUInt64(bitAnd(bitShiftRight(path, toUInt8(bits * ({steps:UInt8} - i))), rare)), range(1, {steps:UInt8} + 1)))), []),
       toInt64(runs), toInt64(length(names))
FROM ($edges)
ORDER BY step = 0, if(step = 0, 0, n) DESC, step, source, target
