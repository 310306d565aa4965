-- Fails if a table demo.otel_traces exists that is not the demo's: nobody's own data is replaced.
SELECT throwIf(count() > 0)
FROM system.tables
WHERE database = 'demo' AND name = 'otel_traces'
    AND NOT startsWith(comment, '{"kind":"clickstack","description":"Demo:')
