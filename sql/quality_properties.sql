-- By event and property, in the first three quarters of the period and in the last: how often it has a value, and how often that is a number.
SELECT _event, _key, toInt64(countIf(NOT _late)), toInt64(countIf(_late)), toInt64(countIf(NOT _late AND _is_number)),
       toInt64(countIf(_late AND _is_number)), substringUTF8(minIf(_text, NOT _is_number), 1, 60)
FROM (
    SELECT _event, _late, _pair.1 AS _key, _pair.2 AS _text, ifNull(isFinite(toFloat64OrNull(_text)), 0) AS _is_number
    FROM (
        SELECT $event AS _event, $late AS _late, arrayJoin($pairs) AS _pair
        FROM $from
        WHERE $where AND $sample
    )
    WHERE _text != ''
)
GROUP BY _event, _key
ORDER BY count() DESC, _event, _key
LIMIT {limit:UInt64}
