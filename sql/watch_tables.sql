-- What may have changed since the last look: which tables there are, when their columns changed, how many rows they hold.
SELECT database, name, concat(toString(uuid), ' ', toString(toUnixTimestamp(metadata_modification_time))), toInt64(ifNull(total_rows, 0))
FROM system.tables
WHERE ({everywhere:UInt8}
       AND database NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA', 'default', 'sextant_import', 'demo_new'))
   OR database = currentDatabase() OR has({databases:Array(String)}, database)
ORDER BY database, name
LIMIT 5000
