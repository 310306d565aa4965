-- The columns of the tables that may be sources, and what a materialised one is made of: those that a mapping names, or that look like events.
SELECT database, table, groupArray((name, type, if(default_kind = 'MATERIALIZED', default_expression, '')))
FROM system.columns
WHERE has({tables:Array(String)}, concat(database, '.', table))
   OR (database = currentDatabase() AND (database, table) IN (
        SELECT database, table
        FROM system.columns
        WHERE database = currentDatabase()
          AND (name IN ('SpanName', 'anonymous_user_id')
               OR (name = 'event' AND type IN ('String', 'LowCardinality(String)')))))
GROUP BY database, table
ORDER BY database != currentDatabase(), database, table
LIMIT 1000
