-- How many conversions each channel gets credit of, and how much; the first row is those without a touch.
SELECT part.1 AS is_none, part.2 AS channel, toInt64(sum(part.3)) AS conversions, round(toFloat64(sum(toDecimal128(part.4, 15)) AS exact), 9) AS credit, toInt64(round(toFloat64(sum(exact) OVER ())))
FROM (
    SELECT arrayJoin(if(empty(path), [(toUInt8(1), '', toUInt8(1), toFloat64(1))],
                        arrayMap((x, w, i) -> (toUInt8(0), x, toUInt8(i = 1), w / total), channels, weights, places))) AS part
    FROM (
        SELECT *, if(arraySum(claims) > 0, claims, arrayMap(i -> toFloat64(i = 1), places)) AS weights, arraySum(weights) AS total
        FROM (
            SELECT path, path[-1].1 AS latest, arrayMap(x -> x.2, path) AS channels, arrayEnumerateUniq(channels) AS places, toUInt32(length(path)) AS n, arrayMap(x -> toFloat64(x), $claims) AS claims
            FROM ($journeys)
        )
    )
)
GROUP BY is_none, channel
ORDER BY is_none DESC, conversions DESC, channel
LIMIT {limit:UInt64}
