-- The distinct sequences of activities, how many cases follow each, and one of them.
SELECT _activities, toInt64(count()) AS _cases, min(_case)
FROM (
    SELECT $case AS _case,
           arrayMap(x -> x.3, arraySort(groupArray({max_events:UInt64})(($time_us, $order, toString($event))))) AS _activities
    FROM $from
    WHERE $case != '' AND $segment
    GROUP BY _case
    HAVING $selected
)
GROUP BY _activities
ORDER BY _cases DESC, _activities
LIMIT {limit:UInt64}
