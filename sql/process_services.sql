-- How a source tells how long work takes: whether any row says when it began, and how long it lasted.
SELECT toInt64((SELECT count() FROM (SELECT 1 FROM $from WHERE $started LIMIT 1))), toInt64((SELECT count() FROM (SELECT 1 FROM $from WHERE $lasting LIMIT 1)))
