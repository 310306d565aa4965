-- How many objects of each type there are.
SELECT toInt64(_o.1) AS _type, toInt64(uniqExact(sipHash64(_o.2)))
FROM (SELECT arrayJoin(_objects) AS _o FROM ($rows))
GROUP BY _type
ORDER BY _type
