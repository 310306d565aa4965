-- The events of each selected case in their order, one more than are looked at, with the number of each activity, and what a case has beside them.
SELECT $case AS _case, min($time_us) AS _first_us, max($time_us) AS _last_us, $extra AS _extra,
       arraySort(groupArray({read_events:UInt64})(($time_us, $order, transform(toString($event), _names, arrayEnumerate(_names), toUInt32(0))))) AS _events
FROM $from
WHERE $case != '' AND $segment
GROUP BY _case
HAVING $selected
