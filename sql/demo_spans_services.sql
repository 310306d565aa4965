-- Makes the spans of the services behind the portal: one trace per request of the browser.
INSERT INTO demo_new.otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind,
    ServiceName, ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode,
    StatusMessage)
WITH
    (a, salt) -> toFloat64(bitShiftRight(sipHash64(a, salt), 11)) / 9007199254740992. AS chance,
    /* Per route: (service, span name, kind, parent: 0 the browser, else 1-based here, share of the time). */
    map('/api/products', [('gateway', 'GET /api/products', 'Server', 0, 0.9),
                          ('catalog', 'list_products', 'Server', 1, 0.7)],
        '/api/products/{id}', [('gateway', 'GET /api/products/{id}', 'Server', 0, 0.9),
                               ('catalog', 'get_product', 'Server', 1, 0.4),
                               ('inventory', 'check_stock', 'Server', 1, 0.3)],
        '/api/cart', [('gateway', 'POST /api/cart', 'Server', 0, 0.9),
                      ('checkout', 'add_item', 'Server', 1, 0.7),
                      ('inventory', 'check_stock', 'Server', 2, 0.4)],
        '/api/checkout/shipping', [('gateway', 'POST /api/checkout/shipping', 'Server', 0, 0.9),
                                   ('checkout', 'quote_shipping', 'Server', 1, 0.7)],
        '/api/payments', [('gateway', 'POST /api/payments', 'Server', 0, 0.9),
                          ('payments', 'authorize_card', 'Server', 1, 0.8)],
        '/api/orders', [('gateway', 'POST /api/orders', 'Server', 0, 0.9),
                        ('checkout', 'create_order', 'Server', 1, 0.8),
                        ('inventory', 'reserve_stock', 'Server', 2, 0.4),
                        ('payments', 'capture_payment', 'Server', 2, 0.3)],
        '/api/login', [('gateway', 'POST /api/login', 'Server', 0, 0.9),
                       ('accounts', 'authenticate', 'Server', 1, 0.6)]) AS routes,
    requests AS
    (
        SELECT *, routes[route] AS calls,
            toUInt64(1000000 * (45 + 260 * d * d + if(http_status >= 500, 3000, 0))) AS whole_ns
        FROM demo_new.actions
        WHERE route != ''
    ),
    spans AS
    (
        SELECT *, call.1 AS service, call.2 AS span, call.3 AS kind, call.4 AS parent, call.5 AS share,
            p AS place, act * 8 + p AS seed8,
            multiIf(service = 'inventory', inventory_fails,
                    service = 'payments' and span = 'authorize_card', payment_fails,
                    /* what stands above a failed call fails too, where it cannot do without */
                    service in ('gateway', 'checkout'), http_status >= 500,
                    chance(seed8, 'error') < 0.002) AS fails
        FROM requests
        ARRAY JOIN calls AS call, arrayEnumerate(calls) AS p
    ),
    jobs AS
    (
        /* Every two minutes the inventory service takes over the stock of the warehouse. */
        SELECT number AS job, toInt64(1772323200000) + number * 120000 + sipHash64(number, 'jitter') % 900
                AS at_ms,
            chance(number, 'stock job')
                < if(at_ms between 1773928800000 and 1773932399999, 0.7, 0.003) AS fails
        FROM numbers(22320)
    )
SELECT
    fromUnixTimestamp64Nano(at_ms * 1000000 + place * 3000000 + toInt64(sipHash64(seed8) % 1000000)),
    trace_id, lower(hex(sipHash64(seed8, 'span'))),
    if(parent = 0, span_id, lower(hex(sipHash64(act * 8 + parent, 'span')))),
    span, kind, service,
    map('service.name', service,
        'service.version', transform(service, ['gateway', 'catalog', 'checkout', 'inventory',
            'payments', 'accounts'], ['2.8.1', '5.0.3', '3.4.0', '1.19.2', '2.2.7', '1.6.0'], '1.0.0'),
        'deployment.environment', 'demo',
        'k8s.pod.name', concat(service, '-', lower(substring(hex(sipHash64(service, seed8 % 3)), 1, 5)))),
    'otel.instrumentation.http', '1.30.0',
    mapFilter((k, v) -> v != '', map(
        'http.method', if(service = 'gateway', splitByChar(' ', span)[1], ''),
        'http.route', if(service = 'gateway', route, ''),
        'http.status_code', if(service = 'gateway', toString(http_status), ''),
        'peer.service', if(parent = 0, 'portal', calls[parent].1),
        'product.id', if(service = 'inventory', toString(product_id), ''),
        'db.system', if(service in ('catalog', 'inventory'), 'postgresql', ''))),
    toUInt64(whole_ns * share * if(fails and service = 'inventory', 1.5, 1.)),
    if(fails, 'Error', 'Unset'),
    multiIf(not fails, '', service = 'inventory', 'connection pool exhausted',
            service = 'payments', 'card issuer timed out', 'upstream request failed')
FROM spans
UNION ALL
SELECT
    fromUnixTimestamp64Nano(at_ms * 1000000),
    lower(hex(sipHash128(job, 'job trace'))), lower(hex(sipHash64(job, 'job span'))), '',
    'sync_stock', 'Internal', 'inventory',
    map('service.name', 'inventory', 'service.version', '1.19.2', 'deployment.environment', 'demo',
        'k8s.pod.name', concat('inventory-', lower(substring(hex(sipHash64('inventory', job % 3)), 1, 5)))),
    'inventory.jobs', '1.19.2', map('db.system', 'postgresql'),
    toUInt64(1000000 * (180 + 900 * chance(job, 'stock time') + if(fails, 3000, 0))),
    if(fails, 'Error', 'Unset'), if(fails, 'connection pool exhausted', '')
FROM jobs
