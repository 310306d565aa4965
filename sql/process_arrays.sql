-- The events of the selected cases in order, many cases in one array: t, which case it is and the time; c, the activity; and what else is asked for. See process.h.
SELECT _array, arrayMap(x -> toUInt64(bitShiftRight(x, $behind)), g) AS t, arrayMap(x -> toUInt16($code), g) AS c$more
FROM (
    SELECT _array, $checked AS g$kept
    FROM (SELECT $array AS _array, arraySort(groupArray($number)$as) AS p$gathered FROM ($rows) WHERE $fits GROUP BY _array)
)
