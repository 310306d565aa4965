-- How long actors take from one step of a funnel to another: bins of equal whole-second width. Bin -1 carries the totals. Above arrayJoin no array is needed: an old engine would copy it for every bin row.
SELECT bin, toInt64(count()), toInt64(any(entered)), toInt64(any(total)), any(mean) / 1e6, any(middle) / 1e6,
       any(from_s), any(width_s), any(bins)
FROM (
    SELECT *, arrayJoin(arrayConcat([toInt64(-1)], arrayMap(x -> toInt64(least(bins - 1, intDiv(intDiv(x, 1000000) - from_s, width_s))), taken))) AS bin
    FROM (
        SELECT *, toInt64(greatest(1, intDiv(to_s - from_s + bins - 1, bins))) AS width_s
        FROM (
            SELECT *, length(taken) AS total, toInt64(if(empty(taken), 0, intDiv(arrayMin(taken), 1000000))) AS from_s,
                   toInt64(if(empty(taken), 0, intDiv(arrayMax(taken) + 999999, 1000000))) AS to_s,
                   toInt64(if({bins:UInt32} > 0, {bins:UInt32}, greatest(1, least(60, ceil(cbrt(length(taken))))))) AS bins
            FROM (
                SELECT countIf(has(nn, {from_step:UInt32})) AS entered,
                       groupArrayIf(tt[indexOf(nn, {to_step:UInt32})] - tt[indexOf(nn, {from_step:UInt32})], has(nn, {from_step:UInt32}) AND has(nn, {to_step:UInt32})) AS taken,
                       avgIf(tt[indexOf(nn, {to_step:UInt32})] - tt[indexOf(nn, {from_step:UInt32})], has(nn, {from_step:UInt32}) AND has(nn, {to_step:UInt32})) AS mean,
                       quantileExactInclusiveIf(0.5)(tt[indexOf(nn, {to_step:UInt32})] - tt[indexOf(nn, {from_step:UInt32})], has(nn, {from_step:UInt32}) AND has(nn, {to_step:UInt32})) AS middle
                FROM ($journeys)
            )
        )
    )
)
GROUP BY bin
ORDER BY bin
