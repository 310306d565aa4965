-- The sessions whose id begins with a text, latest first.
SELECT _session, max(_at_us), toInt64(count() OVER ())
FROM (
    SELECT toString($session) AS _session, $time_us AS _at_us
    FROM $table
    WHERE $in_period AND startsWith(toString($session), {prefix:String}) AND $session != ''
    ORDER BY _at_us DESC
    LIMIT {sample:UInt64}
)
GROUP BY _session
ORDER BY max(_at_us) DESC, _session
LIMIT {limit:UInt64}
