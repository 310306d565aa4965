-- The events of a session with what a timeline says about them.
SELECT $columns
FROM $table
WHERE $session = {session:String} AND $in_time
ORDER BY _at_us, $order
LIMIT {limit:UInt64}
