-- The cases whose ids are most like one that there is not.
SELECT _id
FROM (SELECT DISTINCT CAST($case, 'String') AS _id FROM $from)
WHERE _id != ''
ORDER BY ngramDistanceCaseInsensitiveUTF8(_id, {case_id:String}), _id
LIMIT {limit:UInt64}
