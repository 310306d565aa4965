-- Makes the replay of the planted session: two page loads, their snapshots cut in chunks.
INSERT INTO demo_new.hyperdx_sessions (Timestamp, ServiceName, Body, ResourceAttributes, ScopeName,
    LogAttributes)
WITH
    toInt64(1774343523000) AS start_ms,
    (id, tag, attributes, inner) -> concat('{"type":2,"tagName":"', tag, '","attributes":{', attributes,
        '},"childNodes":[', inner, '],"id":', toString(id), '}') AS node,
    (id, content) -> concat('{"type":3,"textContent":"', content, '","id":', toString(id), '}') AS text,
    (id, parent, body) -> concat('{"parentId":', toString(parent), ',"nextId":null,"node":', body, '}')
        AS added,
    /* The content of a page: heading, main button, link; ids from `base` on. */
    (base, heading, action, link) -> concat(
        node(base + 1, 'h1', '', text(base + 2, heading)), ',',
        node(base + 3, 'button', '"type":"button","id":"action"', text(base + 4, action)), ',',
        node(base + 5, 'input', '"type":"text","name":"postal-code","aria-label":"Postal code"', ''), ',',
        node(base + 8, 'a', '"href":"#"', text(base + 9, link))) AS content,
    /* A long footer makes the snapshot long enough to be cut. */
    arrayStringConcat(arrayMap(i -> node(5000 + i * 3, 'li', '"class":"footer-entry"',
        node(5001 + i * 3, 'a', concat('"href":"/p/', toString(100 + i), '","class":"footer-link"'),
            text(5002 + i * 3, concat('Article ', toString(100 + i), ' for your workshop')))),
        range(260)), ',') AS footer_list,
    (base, body) -> concat('{"type":2,"data":{"node":{"type":0,"childNodes":[',
        '{"type":1,"name":"html","publicId":"","systemId":"","id":2},',
        node(3, 'html', '"lang":"en"', concat(
            node(4, 'head', '', node(5, 'title', '', text(6, 'Workshop supplies'))), ',',
            node(10, 'body', '', concat(
                node(11, 'nav', '', concat(node(12, 'a', '"href":"/"', text(13, 'Home')), ',',
                    node(14, 'a', '"href":"/c/power-tools"', text(15, 'Power tools')), ',',
                    node(16, 'a', '"href":"/cart"', text(17, 'Go to cart')))), ',',
                node(30, 'main', '', node(base, 'section', '', body)), ',',
                node(4000, 'footer', '', node(4001, 'ul', '', footer_list)))))),
        '],"id":1},"initialOffset":{"left":0,"top":0}}') AS snapshot,
    (gone, base, heading, action, link) -> concat(
        '{"type":3,"data":{"source":0,"texts":[],"attributes":[],"removes":[{"parentId":30,"id":',
        toString(gone), '}],"adds":[', added(base, 30,
            node(base, 'section', '', content(base, heading, action, link))), ']}') AS page,
    (id, kind) -> concat('{"type":3,"data":{"source":2,"type":', toString(kind), ',"id":', toString(id),
        ',"x":196,"y":402}') AS mouse,
    (t, id) -> [(toInt64(t) - 70, 1, mouse(id, 1)), (toInt64(t) - 5, 1, mouse(id, 0)), (toInt64(t), 1, mouse(id, 2))] AS click,
    (t, id, length) -> [(toInt64(t), 1, concat('{"type":3,"data":{"source":5,"text":"', repeat('*', length),
        '","isChecked":false,"userTriggered":true,"id":', toString(id), '}'))] AS typing,
    (t, y) -> [(toInt64(t), 1, concat('{"type":3,"data":{"source":3,"id":1,"x":0,"y":', toString(y), '}'))] AS scroll,
    (t, href) -> [(toInt64(t), 1, concat('{"type":4,"data":{"href":"https://shop.example.com', href,
        '","width":390,"height":844}'))] AS meta,
    t -> [(toInt64(t), 1, concat('{"type":6,"data":{"plugin":"rrweb/console@1","payload":{"level":"error","trace":[',
        '"validateAddress (checkout-4.2.0.js:1:20417)"],"payload":["\\"Uncaught TypeError: Cannot read',
        ' properties of null (reading ''postalCode'')\\""]}}'))] AS console,
    arrayConcat(
        meta(90, '/'), [(toInt64(160), 1, snapshot(1000, content(1000, 'Everything for the workshop', 'See offers',
                                                       'Show details')))],
        scroll(900, 140), click(3200, 14),
        [(toInt64(3300), 1, page(1000, 1020, 'Power tools', 'Filter', 'Cordless drill 18 V'))],
        scroll(8400, 320), scroll(9300, 610), click(12100, 1028),
        [(toInt64(12300), 1, page(1020, 1040, 'Cordless drill 18 V', 'Add to cart', 'Show details'))],
        scroll(15200, 240), click(21000, 1043),
        [(toInt64(21400), 1, '{"type":3,"data":{"source":0,"texts":[{"id":17,"value":"Go to cart (1)"}],"attributes":[],"removes":[],"adds":[]}')],
        click(24800, 16), [(toInt64(24900), 1, page(1040, 1060, 'Your cart', 'Go to checkout', 'Show details'))],
        click(38000, 1063),
        [(toInt64(38120), 1, page(1060, 1080, 'Where shall we deliver?', 'Continue to payment', 'Back to cart'))],
        [(toInt64(44000), 1, mouse(1085, 5))], typing(44500, 1085, 1), typing(44900, 1085, 3), typing(45300, 1085, 5),
        [(toInt64(46000), 1, mouse(1085, 6))],
        arrayFlatten(arrayMap(t -> click(t, 1083), [50000, 52000, 52240, 52470, 52690, 52930, 53180, 53400])),
        console(50014), scroll(58000, 300), scroll(58700, 0), click(62000, 1088),
        [(toInt64(62110), 1, page(1080, 1100, 'Your cart', 'Go to checkout', 'Show details'))], click(69500, 1103),
        [(toInt64(69640), 1, page(1100, 1120, 'Where shall we deliver?', 'Continue to payment', 'Back to cart'))],
        arrayFlatten(arrayMap(t -> click(t, 1123), [75000, 75300, 75580, 75850, 76120])), console(75014),
        /* The page is loaded anew: counters and ids start again. */
        arrayMap(x -> (x.1, 2, x.3), arrayConcat(
            meta(102090, '/checkout'),
            [(toInt64(102150), 1, snapshot(1000, content(1000, 'Where shall we deliver?', 'Continue to payment',
                                                'Back to cart')))],
            [(toInt64(106000), 1, mouse(1005, 5))], typing(106500, 1005, 2), typing(107100, 1005, 5),
            arrayFlatten(arrayMap(t -> click(t, 1003), [110000, 111000, 111350, 111650, 111950])),
            console(110014))),
        arrayFlatten(arrayMap(i -> [(toInt64(300 + i * 640), if(i > 159, 2, 1), concat(
                '{"type":3,"data":{"source":1,"positions":[{"x":', toString(60 + i * 37 % 270), ',"y":',
                toString(90 + i * 53 % 600), ',"id":30,"timeOffset":-220},{"x":', toString(64 + i * 37 % 270),
                ',"y":', toString(94 + i * 53 % 600), ',"id":30,"timeOffset":0}]}'))],
            arrayFilter(i -> i < 118 and not (i between 40 and 57) or i > 160, range(184))))) AS script,
    ordered AS
    (
        SELECT e.1 AS ms, e.2 AS page_load,
            concat(e.3, ',"timestamp":', toString(start_ms + ms), '}') AS body,
            row_number() OVER (PARTITION BY page_load ORDER BY ms, e.3) AS event_nth,
            toUInt32(intDiv(length(body) + 19999, 20000)) AS pieces,
            sum(pieces) OVER (PARTITION BY page_load ORDER BY ms, e.3 ROWS UNBOUNDED PRECEDING) AS last_offset
        FROM (SELECT arrayJoin(script) AS e)
    )
SELECT
    fromUnixTimestamp64Nano((start_ms + ms) * 1000000), 'portal',
    substring(body, 1 + 20000 * piece, 20000),
    map('service.name', 'portal', 'service.version', '4.2.0', 'deployment.environment', 'demo',
        'rum.sessionId', '0a9e5e55104a9ec11c4b0770a0000001', 'rum.version', '4.2.0',
        'rum.scriptInstance', concat('a11ce0c1a551000', toString(page_load)),
        'telemetry.sdk.language', 'webjs'),
    'rum.rr-web',
    map('rr-web.offset', toString(last_offset - pieces + piece + 1), 'rr-web.event', toString(event_nth),
        'rr-web.chunk', toString(piece + 1), 'rr-web.total-chunks', toString(pieces))
FROM ordered
ARRAY JOIN range(pieces) AS piece
