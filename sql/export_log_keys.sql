-- Which properties a log has, and whether all values of one are whole numbers, numbers, times or truths.
SELECT _key, toInt64(min(match(_value, '^-?(0|[1-9][0-9]{0,17})$'))), toInt64(min(match(_value, '^-?(0|[1-9][0-9]{0,30})([.][0-9]{1,30})?$'))),
       toInt64(min(match(_value, '^[0-9]{4}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-][0-2][0-9]:[0-5][0-9])$'))), toInt64(min(match(_value, '^(true|false)$')))
FROM (SELECT _pair.1 AS _key, _pair.2 AS _value FROM (SELECT arrayJoin(_pairs) AS _pair FROM ($rows)))
GROUP BY _key
ORDER BY _key
LIMIT {limit:UInt64}
