-- The texts of some cases by their numbers.
SELECT toString(_number), any(_case)
FROM (SELECT $number AS _number, $case AS _case FROM $from WHERE $number IN (SELECT toUInt32(arrayJoin({numbers:Array(String)}))))
GROUP BY _number
