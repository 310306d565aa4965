-- The values of a field that begin with a text, case ignored, most frequent first.
SELECT _value, toInt64(count()) AS _n, toInt64(count() OVER ())
FROM (
    SELECT toString($value) AS _value
    FROM $from
    WHERE $in_period AND startsWith(lowerUTF8(toString($value)), lowerUTF8({prefix:String}))
    LIMIT {sample:UInt64}
)
WHERE _value != '' AND NOT has({hidden:Array(String)}, _value)
GROUP BY _value
ORDER BY _n DESC, _value
LIMIT {limit:UInt64}
