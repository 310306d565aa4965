-- The distinct sequences of activities, how many cases follow each, and one of them.
SELECT activities, toInt64(count()) AS cases, min(case_id) AS example
FROM (
    SELECT $case AS case_id,
           arrayMap(x -> x.3, arraySort(groupArray(($time_us, $order, toString($event))))) AS activities
    FROM $from
    WHERE $case != ''
    GROUP BY case_id
    HAVING $selected
)
GROUP BY activities
ORDER BY cases DESC, activities
LIMIT {limit:UInt64}
