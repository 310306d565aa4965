-- The columns of the table that holds the recordings.
SELECT name, type
FROM system.columns
WHERE database = {database:String} AND table = {table:String}
