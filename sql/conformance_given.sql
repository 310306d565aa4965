-- The profile that the caller gives, in seconds there.
(arrayMap((a, b) -> toUInt64(indexOf(_names, a) * (length(_names) + 1) + indexOf(_names, b)), {from_names:Array(String)}, {to_names:Array(String)}),
 arrayMap(x -> toFloat64(x) * 1e6, {means:Array(String)}), arrayMap(x -> toFloat64(x) * 1e6, {deviations:Array(String)}))
