-- Makes demo_new.otel_logs: what the services wrote about their requests, jobs and batches.
INSERT INTO demo_new.otel_logs (Timestamp, TraceId, SpanId, TraceFlags, SeverityText,
    SeverityNumber, ServiceName, Body, ResourceAttributes, ScopeName, LogAttributes)
WITH
    lines AS
    (
        SELECT at_ms + 4 AS ms, trace_id AS trace, lower(hex(sipHash64(act * 8 + 1, 'span'))) AS span,
            if(http_status >= 500, 'error', 'info') AS severity, 'gateway' AS service,
            concat(splitByChar(' ', name)[2], ' ', replaceOne(route, '{id}', toString(product_id)), ' ',
                   toString(http_status)) AS body,
            map('http.route', route, 'http.status_code', toString(http_status)) AS attributes
        FROM demo_new.actions
        WHERE route != '' and (http_status >= 500 or act % 2 = 0)
        UNION ALL
        SELECT at_ms + 3010, trace_id, '', 'error', 'inventory',
            'timeout acquiring a connection after 3000 ms: pool exhausted (size=20, waiting=113)',
            map('product.id', toString(product_id), 'pool.name', 'stock-primary')
        FROM demo_new.actions
        WHERE inventory_fails
        UNION ALL
        SELECT at_ms + 30, trace_id, '', 'warn', 'payments', 'card issuer timed out, no retry left',
            map('http.route', route, 'issuer', concat('bank-', toString(act % 7)))
        FROM demo_new.actions
        WHERE payment_fails
        UNION ALL
        SELECT at_ms, '', '', 'info', service, concat(activity, ' ', order_id, ' by ', operator),
            map('order.id', order_id, 'order.operator', operator)
        FROM demo_new.order_steps
        WHERE activity in ('credit_checked', 'order_approved', 'order_shipped')
        UNION ALL
        SELECT at_ms - at_ms % 60000 + 300000, '', '', 'info', 'warehouse',
            concat('carrier batch closed with ', toString(count()), ' parcels'),
            map('batch.size', toString(count()))
        FROM demo_new.order_steps
        WHERE activity = 'order_shipped'
        GROUP BY at_ms - at_ms % 86400000, at_ms - at_ms % 60000 + 300000
    )
SELECT
    fromUnixTimestamp64Nano(ms * 1000000), trace, span, trace != '', severity,
    transform(severity, ['info', 'warn', 'error'], [9, 13, 17], 0), service, body,
    map('service.name', service, 'deployment.environment', 'demo',
        'k8s.deployment.name', service, 'k8s.namespace.name', 'shop'),
    concat(service, '.log'), attributes
FROM lines
