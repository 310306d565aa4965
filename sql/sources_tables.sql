-- Which tables exist, how large they are, the mapping that a comment may hold, and the Maps whose keys
-- have an index. Left out is what an import or demo that was killed left behind.
SELECT database, name, comment, currentDatabase(), toInt64(ifNull(total_rows, 0)), toInt64(ifNull(total_bytes_uncompressed, 0)),
       extractAll(create_table_query, 'mapKeys\\(`?([^`)]+)`?\\) TYPE bloom_filter')
FROM system.tables
WHERE ({everywhere:UInt8}
       AND database NOT IN ('system', 'information_schema', 'INFORMATION_SCHEMA', 'default', 'sextant_import', 'demo_new'))
   OR database = currentDatabase() OR has({databases:Array(String)}, database)
ORDER BY database, name
LIMIT 5000
