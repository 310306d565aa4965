-- Whether any event of a source has a value in a field.
SELECT 1
FROM $from
WHERE $value != ''
LIMIT 1
