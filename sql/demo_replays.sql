-- Makes demo_new.hyperdx_sessions: rrweb recordings of the visits that are recorded, an event a row.
INSERT INTO demo_new.hyperdx_sessions (Timestamp, ServiceName, Body, ResourceAttributes, ScopeName,
    LogAttributes)
WITH
    /* A page is a section of ten nodes; its first id follows from the number of pages before it. */
    (id, tag, attributes, inner) -> concat('{"type":2,"tagName":"', tag, '","attributes":{', attributes,
        '},"childNodes":[', inner, '],"id":', toString(id), '}') AS node,
    (id, content) -> concat('{"type":3,"textContent":"', content, '","id":', toString(id), '}') AS text,
    (id, parent, body) -> concat('{"parentId":', toString(parent), ',"nextId":null,"node":', body, '}')
        AS added,
    changes AS
    (
        SELECT *,
            code in (4, 7, 13, 14, 22, 29) AS is_page,
            1000 + 20 * countIf(is_page) OVER (PARTITION BY seed ORDER BY nth
                                               ROWS UNBOUNDED PRECEDING) AS base,
            multiIf(path = '/', 'Everything for the workshop', startsWith(path, '/c/'),
                concat('Category ', category), startsWith(path, '/p/'),
                concat('Product ', toString(product_id)), path = '/cart', 'Your cart',
                path = '/checkout', 'Where shall we deliver?', path = '/checkout/payment', 'How will you pay?',
                path = '/order/confirmed', 'Thank you', 'Sale') AS heading,
            multiIf(startsWith(path, '/p/'), 'Add to cart', path = '/cart', 'Go to checkout',
                path = '/checkout', 'Continue to payment', path = '/checkout/payment', 'Pay now',
                'See offers') AS action,
            multiIf(path = '/checkout', 'postal-code', path = '/checkout/payment', 'card-number',
                'quantity') AS field_name,
            if(device = 'mobile', 390, 1366) AS width
        FROM demo_new.actions
        WHERE is_recorded
    ),
    events AS
    (
        SELECT *,
            node(base + 1, 'h1', '', text(base + 2, heading)) AS part_heading,
            node(base + 3, 'button', concat('"type":"button","id":"action"'), text(base + 4, action))
                AS part_button,
            node(base + 5, 'input', concat('"type":"text","name":"', field_name, '"'), '') AS part_input,
            node(base + 6, 'p', '', text(base + 7, concat('From ', toString(price), ' EUR, in stock')))
                AS part_price,
            node(base + 8, 'a', '"href":"#"', text(base + 9, 'Show details')) AS part_link,
            concat(part_heading, ',', part_button, ',', part_input, ',', part_price, ',', part_link) AS parts,
            if(code = 10, base + 8, base + 3) AS target,
            toString(80 + act % 240) AS x, toString(140 + act % 400) AS y,
            arrayConcat(
                if(code = 1,
                   [(90, concat('{"type":4,"data":{"href":"', url, '","width":', toString(width),
                        ',"height":844}')),
                    (140, concat('{"type":2,"data":{"node":{"type":0,"childNodes":[',
                        '{"type":1,"name":"html","publicId":"","systemId":"","id":2},',
                        node(3, 'html', '"lang":"en"', concat(
                            node(4, 'head', '', concat(
                                node(5, 'title', '', text(6, 'Workshop supplies')), ',',
                                node(7, 'style', '', text(8,
                                    'body { font:16px sans-serif; margin:0 } nav a{padding:8px} button{padding:12px}'
                                    )))), ',',
                            node(10, 'body', '', concat(
                                node(11, 'nav', '', concat(
                                    node(12, 'a', '"href":"/"', text(13, 'Home')), ',',
                                    node(14, 'a', '"href":"/c/power-tools"', text(15, 'Power tools')), ',',
                                    node(16, 'input',
                                        '"type":"search","placeholder":"Search","name":"q"', ''), ',',
                                    node(17, 'a', '"href":"/login"', text(18, 'Log in')))), ',',
                                node(30, 'main', '', node(base, 'section', '', parts)))))),
                        '],"id":1},"initialOffset":{"left":0,"top":0}}'))],
                   []),
                if(is_page,
                   [(45, concat('{"type":3,"data":{"source":0,"texts":[],"attributes":[],"removes":[{"parentId":30,"id":',
                        toString(base - 20), '}],"adds":[',
                        added(base, 30, node(base, 'section', '', '')), ',',
                        added(base + 1, base, node(base + 1, 'h1', '', '')), ',',
                        added(base + 2, base + 1, text(base + 2, heading)), ',',
                        added(base + 3, base,
                            node(base + 3, 'button', '"type":"button","id":"action"', '')), ',',
                        added(base + 4, base + 3, text(base + 4, action)), ',',
                        added(base + 5, base, part_input), ',',
                        added(base + 6, base, part_price), ',',
                        added(base + 8, base, node(base + 8, 'a', '"href":"#"', '')), ',',
                        added(base + 9, base + 8, text(base + 9, 'Show details')), ']}'))],
                   []),
                if(label != '',
                   [(-420, concat('{"type":3,"data":{"source":1,"positions":[{"x":', x, ',"y":120,"id":30,"timeOffset":-160},',
                        '{"x":', x, ',"y":', y, ',"id":', toString(target), ',"timeOffset":0}]}')),
                    (-62, concat('{"type":3,"data":{"source":2,"type":1,"id":', toString(target), ',"x":', x,
                        ',"y":', y, '}')),
                    (-4, concat('{"type":3,"data":{"source":2,"type":0,"id":', toString(target), ',"x":', x,
                        ',"y":', y, '}')),
                    (0, concat('{"type":3,"data":{"source":2,"type":2,"id":', toString(target), ',"x":', x,
                        ',"y":', y, '}'))],
                   []),
                if(code in (14, 29),
                   [(520, concat('{"type":3,"data":{"source":2,"type":5,"id":', toString(base + 5), '}')),
                    (640, concat('{"type":3,"data":{"source":5,"text":"*","isChecked":false,"userTriggered":true,"id":',
                        toString(base + 5), '}')),
                    (790, concat('{"type":3,"data":{"source":5,"text":"*****","isChecked":false,"userTriggered":true,"id":',
                        toString(base + 5), '}')),
                    (880, concat('{"type":3,"data":{"source":2,"type":6,"id":', toString(base + 5), '}'))],
                   []),
                if(code = 9,
                   [(620, concat('{"type":3,"data":{"source":3,"id":1,"x":0,"y":', toString(120 + act % 600), '}'))],
                   []),
                if(code in (12, 24),
                   [(330, concat('{"type":3,"data":{"source":0,"texts":[{"id":', toString(base + 7),
                        ',"value":"Saved"}],"attributes":[],"removes":[],"adds":[]}'))],
                   []),
                if(code = 25,
                   [(2, concat('{"type":6,"data":{"plugin":"rrweb/console@1","payload":{"level":"error","trace":[',
                        '"checkout.js:1:20417"],"payload":["\\"Continue to payment failed\\""]}}'))],
                   []),
                if(code = 21,
                   [(1, concat('{"type":5,"data":{"tag":"order_placed","payload":{"amount":', toString(price * 4),
                        '}}'))],
                   [])) AS produced
        FROM changes
    ),
    numbered AS
    (
        SELECT *, e.2 AS body, at_ms + e.1 AS ms,
            row_number() OVER (PARTITION BY seed ORDER BY at_ms + e.1, nth, e.2) AS event_nth
        FROM events
        ARRAY JOIN produced AS e
    )
SELECT
    fromUnixTimestamp64Nano(ms * 1000000), 'portal', concat(body, ',"timestamp":', toString(ms), '}'),
    map('service.name', 'portal', 'service.version', version, 'deployment.environment', 'demo',
        'rum.sessionId', session, 'rum.scriptInstance', instance, 'rum.version', version,
        'telemetry.sdk.language', 'webjs'),
    'rum.rr-web',
    map('rr-web.offset', toString(event_nth), 'rr-web.event', toString(event_nth),
        'rr-web.chunk', '1', 'rr-web.total-chunks', '1')
FROM numbered
