-- How many touches each channel has in the period, and how many all have.
SELECT _channel, toInt64(count() AS _n), toInt64(sum(_n) OVER ())
FROM ($rows)
GROUP BY _channel
ORDER BY _n DESC, _channel
LIMIT {limit:UInt64}
