-- Of those who came to a step of a funnel: what they had at the step before and did until it, and how many of those who took the step and of those who did not. Field 0 stands for all.
SELECT pair.1, pair.2, toInt64(countIf(is_won)), toInt64(countIf(NOT is_won))
FROM (
    SELECT is_won, arrayJoin(arrayConcat([(toUInt16(0), '')],
                                         having,
                                         arrayMap(x -> ({event:UInt16}, x), arrayFilter(x -> x != '', done)))) AS pair
    FROM (
        SELECT who, any(won) AS is_won,
               argMinIf(_fields, _order, _us = began AND _is_before) AS having,
               arraySort(groupUniqArrayIf(_event, _us > began AND NOT _is_step)) AS done
        FROM ($rows) AS _rows
        INNER JOIN (
            SELECT who, won, began, if(won, reached, least(started + {within:Int64}, began + greatest({patience:Int64}, usual)) + 1) AS ended
            FROM (
                SELECT *, quantileExactHighIf(0.95)(reached - began, won) OVER () AS usual
                FROM (SELECT who, tt[1] AS started, $began AS began, $reached AS reached, toUInt8($won) AS won FROM ($journeys) WHERE $came)
            )
        ) AS _journeys ON _rows._who = _journeys.who
        WHERE _us = began OR (_us > began AND _us < ended)
        GROUP BY who
    )
)
GROUP BY pair
ORDER BY pair.1 > 0, count() DESC, pair
LIMIT {limit:UInt64}
