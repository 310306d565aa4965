-- Makes demo_new.actions: one row per span of the browser, in the order the session produced them.
CREATE TABLE demo_new.actions ENGINE = Memory AS
WITH
    (a, salt) -> toFloat64(bitShiftRight(sipHash64(a, salt), 11)) / 9007199254740992. AS chance,
    planned AS
    (
        SELECT *,
            ['/', '/c/power-tools', '/c/fasteners', '/c/safety', '/c/paint', '/sale'] AS landings,
            /* What happens, by code: see the table of names below. */
            arrayConcat(
                [1, 2], if(is_recorded, [3], []), if(login = 2, [10, 24, 23], []),
                arrayFlatten(arrayMap(i -> if(sipHash64(seed, i) % 5 = 0, [10, 6, 5], [10, 4, 6]),
                                      range(pages))),
                if(sees, arrayFlatten(arrayMap(i -> [10, 7, 8, 9], range(products))), []),
                if(fills, [11, 12, 13], []),
                if(starts, if(login = 3, [14, 24, 23, 15], [14, 15]), []),
                if(starts and not ships and is_broken_build, [27, 26, 27, 27, 27, 25], []),
                if(ships, [28, 16, 17, 29], []),
                if(pays, [19, 18], []),
                if(order_fails, [20, 25], []), if(orders, [20, 21, 22], []),
                if(sipHash64(seed, 'slow') % 9 = 0, [30], [])) AS codes,
            /* Milliseconds since the one before: people take seconds, machines fractions of one. */
            arrayMap((c, u) -> multiIf(
                    c in (10, 11, 13, 14, 19, 28), 1200 + 9000 * u + 34000 * u * u * u * u,
                    c = 27, 260 + 180 * u, c = 25, 30, c = 1, 0, 25 + 260 * u),
                codes, arrayMap(i -> chance(seed, toString(i)), arrayEnumerate(codes))) AS gaps
        FROM demo_new.visits
    ),
    acts AS
    (
        SELECT *, c AS code, p AS nth, start_ms + toInt64(floor(t)) AS at_ms,
            seed * 256 + nth AS act
        FROM planned
        ARRAY JOIN codes AS c, arrayEnumerate(codes) AS p, arrayCumSum(gaps) AS t
    ),
    placed AS
    (
        SELECT *,
            /* The product looked at and the page shown hold until the next change. */
            countIf(code = 7) OVER session AS product_nth,
            countIf(code = 4) OVER session AS browse_nth,
            argMax(if(code in (1, 4, 7, 13, 14, 22, 29), code, 0),
                   if(code in (1, 4, 7, 13, 14, 22, 29), nth, 0)) OVER session AS page_code
        FROM acts
        WINDOW session AS (PARTITION BY seed ORDER BY nth ROWS UNBOUNDED PRECEDING)
    )
SELECT
    seed, person, session, instance, visitor, device, os, browser, country, plan, channel, version,
    is_recorded, is_broken_build, is_bad_hour, order_fails, act, toUInt8(code) AS code,
    toUInt16(nth) AS nth, at_ms,
    /* Known from the log-in on, or from the start when remembered. */
    if(login = 1 or login > 1 and countIf(code = 23) OVER so_far > 0, user, '') AS user_id,
    100 + sipHash64(seed, 'product', greatest(product_nth, 1)) % 20
        * (sipHash64(seed, 'niche', product_nth) % 3 + 1) AS product_id,
    toUInt32(9 + product_id * 37 % 640) AS price,
    ['power-tools','fasteners','safety','paint','adhesives','lighting']
        [1 + sipHash64(seed, 'category', browse_nth) % 6] AS category,
    multiIf(page_code = 4, concat('/c/', category), page_code = 7, concat('/p/', toString(product_id)),
            page_code = 13, '/cart', page_code = 14, '/checkout', page_code = 29, '/checkout/payment',
            page_code = 22, '/order/confirmed', landings[1 + sipHash64(seed, 'landing') % 6]) AS path,
    concat('https://shop.example.com', path) AS url,
    if(code in (4, 7, 13, 14, 22, 29), lagInFrame(url) OVER in_order, '') AS previous_url,
    transform(code,
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
         27, 28, 29, 30],
        ['documentLoad', 'webvitals', 'record init', 'routeChange', 'search', 'HTTP GET', 'routeChange',
         'HTTP GET', 'view_product', 'click', 'add_to_cart', 'HTTP POST', 'routeChange', 'routeChange',
         'checkout_started', 'HTTP POST', 'shipping_entered', 'HTTP POST', 'payment_submitted',
         'HTTP POST', 'order_placed', 'routeChange', 'login', 'HTTP POST', 'console.error', 'exception',
         'click', 'click', 'routeChange', 'longtask'], '') AS name,
    transform(code, [6, 8, 12, 16, 18, 20, 24],
        ['/api/products', '/api/products/{id}', '/api/cart', '/api/checkout/shipping', '/api/payments',
         '/api/orders', '/api/login'], '') AS route,
    transform(code, [11, 10, 27, 28],
        ['Add to cart', 'Open', 'Continue to payment', 'Continue to payment'], '') AS label,
    code in (5, 9, 11, 15, 17, 19, 21, 23) AS is_custom,
    chance(act, 'duration') AS d,
    /* Did the inventory service fail this request? In its bad hour it does two times in three. */
    code in (12, 8) and (chance(act, 'inventory')
            < if(at_ms between 1773928800000 and 1773932399999, 0.64, 0.004))
        or code = 20 and order_fails AS inventory_fails,
    code = 18 and chance(act, 'payments') < 0.012 AS payment_fails,
    /* A product page does without stock figures and a cart mostly does; an order cannot. */
    multiIf(inventory_fails and (code = 20 or code = 12 and act % 3 = 0), 503, payment_fails, 502, route != '', 200, 0) AS http_status,
    lower(hex(sipHash128(act, 'trace'))) AS trace_id,
    lower(hex(sipHash64(act, 'span'))) AS span_id
FROM placed
WHERE at_ms < 1775001600000 /* 2026-04-01 00:00 UTC */
WINDOW so_far AS (PARTITION BY seed ORDER BY nth ROWS UNBOUNDED PRECEDING),
       in_order AS (PARTITION BY seed ORDER BY nth ROWS UNBOUNDED PRECEDING)
