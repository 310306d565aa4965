-- Makes demo_new.order_steps: what happened to each order, activity by activity.
CREATE TABLE demo_new.order_steps ENGINE = Memory AS
WITH
    (a, salt) -> toFloat64(bitShiftRight(sipHash64(a, salt), 11)) / 9007199254740992. AS chance,
    toInt64(3600000) AS hour,
    toInt64(86400000) AS day,
    placed AS
    (
        SELECT act, session, user_id, visitor, country, plan, device, at_ms AS placed_ms,
            price * 4 AS amount, concat('SO-', toString(100000000 + act)) AS order_id,
            chance(act, 'credit') AS u1, chance(act, 'approval') AS u2, chance(act, 'pick') AS u3,
            chance(act, 'pack') AS u4, chance(act, 'carrier') AS u5, chance(act, 'transport') AS u6,
            /* Large orders are checked and approved by people, small ones by rules. */
            amount > 1000 AS is_large,
            if(is_large, ['c.novak','m.dubois','n.keller','s.okafor'][1 + sipHash64(act, 'clerk') % 4],
               'rules') AS clerk,
            if(is_large, ['a.lindqvist','p.moreau','t.bauer'][1 + sipHash64(act, 'approver') % 3],
               'rules') AS approver,
            concat('wh-', toString(1 + sipHash64(act, 'picker') % 6)) AS picker,
            /* The planted gap: from 2026-03-10 one clerk releases large orders without approval. */
            clerk = 'n.keller' and placed_ms >= 1773100800000 and chance(act, 'skips') < 0.7 AS is_skipped,
            chance(act, 'rejected') < 0.025 AS is_rejected,
            chance(act, 'recount') < 0.06 AS is_recounted
        FROM demo_new.actions
        WHERE code = 21
    ),
    timed AS
    (
        SELECT *,
            placed_ms + 800 + toInt64(floor(4000 * u1)) AS received,
            received + if(is_large, toInt64(floor(hour * (0.3 + 2.5 * u1 * u1))), 2500) AS checked,
            if(is_skipped, checked, checked + if(is_large, toInt64(floor(hour * (0.5 + 7 * u2 * u2))), 1500))
                AS approved,
            approved + toInt64(floor(hour * (0.4 + 6 * u3))) AS picked,
            if(is_recounted, picked + toInt64(floor(hour * (0.5 + u4))), picked) AS recounted,
            recounted + toInt64(floor(hour * (0.2 + 0.8 * u4))) AS packed,
            /* Parcels wait for the carrier, who comes once a day at 17:00 UTC. */
            packed - (packed - 17 * hour) % day + day + toInt64(floor(240000 * u5)) AS shipped,
            shipped + toInt64(floor(hour * (0.1 + 0.4 * u6))) AS invoiced,
            shipped + toInt64(floor(day * (0.7 + 2.6 * u6))) AS delivered
        FROM placed
    ),
    listed AS
    (
        SELECT *,
            arrayFilter(x -> x.1 != '' and x.2 < 1775001600000, if(is_rejected,
                [('order_received', received, 'rules', 'orders', 0.2),
                 ('credit_checked', checked, clerk, 'orders', if(is_large, 60 + 500 * u2, 0.4)),
                 ('order_rejected', checked + 60000, clerk, 'orders', 5.)],
                [('order_received', received, 'rules', 'orders', 0.2),
                 ('credit_checked', checked, clerk, 'orders', if(is_large, 60 + 500 * u2, 0.4)),
                 (if(is_skipped, '', 'order_approved'), approved, approver, 'orders',
                     if(is_large, 30 + 240 * u3, 0.1)),
                 ('items_picked', picked, picker, 'warehouse', 120 + 500 * u4),
                 (if(is_recounted, 'stock_recounted', ''), picked + toInt64(600000), picker, 'warehouse', 240.),
                 (if(is_recounted, 'items_picked', ''), recounted, picker, 'warehouse', 100 + 300 * u5),
                 ('order_packed', packed, concat('wh-', toString(1 + sipHash64(act, 'packer') % 6)),
                     'warehouse', 60 + 300 * u5),
                 ('order_shipped', shipped, 'carrier', 'warehouse', 1.),
                 ('invoice_sent', invoiced, 'rules', 'orders', 0.5),
                 ('order_delivered', delivered, 'carrier', 'warehouse', 1.)])) AS steps
        FROM timed
    )
SELECT act, session, user_id, visitor, country, plan, device, order_id, amount,
    step.1 AS activity, step.2 AS at_ms, step.3 AS operator, step.4 AS service, step.5 AS duration_s,
    nth
FROM listed
ARRAY JOIN steps AS step, arrayEnumerate(steps) AS nth
