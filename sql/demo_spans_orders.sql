-- Makes the spans of the order process of demo_new.otel_traces from demo_new.order_steps.
INSERT INTO demo_new.otel_traces (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName,
    ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode)
SELECT
    fromUnixTimestamp64Nano(at_ms * 1000000),
    lower(hex(sipHash128(act * 16 + nth, 'order trace'))),
    lower(hex(sipHash64(act * 16 + nth, 'order span'))),
    activity, 'Internal', service,
    map('service.name', service, 'service.version', if(service = 'orders', '7.3.1', '2.0.4'),
        'deployment.environment', 'demo'),
    'order.process', '1.2.0',
    mapFilter((k, v) -> v != '', map(
        'order.id', order_id, 'order.operator', operator, 'order.amount', toString(amount),
        'order.size', if(amount > 1000, 'large', 'small'), 'geo.country', country, 'user.plan', plan,
        'user.id', user_id, 'visitor.id', visitor)),
    toUInt64(duration_s * 1000000000), 'Unset'
FROM demo_new.order_steps
