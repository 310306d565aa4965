-- The profile that the cases themselves have: mean and sample standard deviation of every pair of activities.
SELECT (groupArray(_pair), groupArray(_mean), groupArray(_deviation))
FROM (
    SELECT _pair, avg(_time) AS _mean, if(count() > 1, stddevSampStable(_time), 0) AS _deviation
    FROM ($pairs)
    ARRAY JOIN _pairs AS _pair, _times AS _time
    GROUP BY _pair
    ORDER BY _pair
)
