-- Makes demo_new.visits: one row per browser session, with who came, when, on what and how far.
CREATE TABLE demo_new.visits ENGINE = Memory AS
WITH
    /* The only source of chance: hashes. Doubles are made of 53 bits, so every engine agrees. */
    (a, salt) -> toFloat64(bitShiftRight(sipHash64(a, salt), 11)) / 9007199254740992. AS chance,
    (r, cumulative) -> arrayFirstIndex(c -> r < c, cumulative) AS pick,
    toInt64(1772323200000) AS first_ms, /* 2026-03-01 00:00 UTC, a Sunday */
    people AS
    (
        SELECT
            number AS person,
            /* 1 came once, 2 comes now and then, 3 is a regular */
            pick(chance(number, 'kind'), [0.46, 0.86, 1.]) AS kind,
            /* First day; two in five were customers before the month began. */
            if(chance(number, 'old') < 0.4 and kind > 1, -1,
               toInt16(floor(chance(number, 'first') * 31))) AS first_day,
            pick(chance(number, 'device'), [0.44, 0.56, 1.]) AS home_device,
            pick(chance(number, 'country'),
                 [0.28, 0.40, 0.50, 0.59, 0.66, 0.72, 0.80, 0.87, 0.92, 0.96, 0.98, 1.]) AS land,
            ['DE','FR','GB','NL','PL','IT','US','ES','SE','CH','CA','JP'][land] AS country,
            [1, 1, 0, 1, 1, 1, -5, 1, 1, 1, -5, 9][land] AS hours_east,
            ['free','team','business'][pick(chance(number, 'plan'), [0.62, 0.88, 1.])] AS plan,
            kind > 1 and chance(number, 'member') < 0.8
                or kind = 1 and chance(number, 'member') < 0.25 AS is_member
        FROM numbers(10400)
    ),
    days AS
    (
        SELECT *, arrayJoin(range(31)) AS day, day - first_day AS age,
            (day + 6) % 7 + 1 AS weekday,
            person * 100 + day AS visit_seed,
            /* Interest fades with age; a workshop shops on working days. */
            multiIf(first_day >= 0 and age = 0, 1.,
                    age < 0, 0.,
                    multiIf(kind = 1, 0.004, kind = 2, 0.035 + 0.16 / (1 + age), 0.22 + 0.25 / (1 + age))
                        * multiIf(weekday = 6, 0.5, weekday = 7, 0.38, weekday = 1, 1.18, 1.)) AS eager
        FROM people
    ),
    /* A visitor may come twice a day. */
    comes AS
    (
        SELECT *, arrayJoin(range(1 + (kind = 3 and chance(visit_seed, 'again') < 0.3))) AS nth,
            visit_seed * 2 + nth AS seed
        FROM days
        WHERE chance(visit_seed, 'comes') < eager
            /* new people too arrive on working days */
            and not (age = 0 and first_day >= 0 and weekday > 5
                     and chance(person, 'weekend') < 0.45)
    ),
    timed AS
    (
        SELECT *,
            pick(chance(seed, 'hour'),
                 [0.004, 0.006, 0.008, 0.010, 0.013, 0.022, 0.042, 0.080, 0.155, 0.245, 0.333, 0.408,
                  0.463, 0.534, 0.612, 0.687, 0.754, 0.810, 0.857, 0.901, 0.939, 0.968, 0.988, 1.])
                - 1 AS local_hour,
            (local_hour - hours_east + 24) % 24 AS hour,
            first_ms + day * 86400000 + hour * 3600000
                + toInt64(floor(chance(seed, 'minute') * 3600000)) AS start_ms,
            if(chance(seed, 'other device') < 0.06, home_device % 3 + 1, home_device) AS device_at
        FROM comes
    ),
    dressed AS
    (
        SELECT *,
            ['mobile','tablet','desktop'][device_at] AS device,
            multiIf(start_ms >= toInt64(1773655200000), '4.2.0', /* 2026-03-16 10:00 UTC */
                    start_ms >= toInt64(1772701200000), '4.1.3', /* 2026-03-05 09:00 UTC */
                    '4.1.2') AS version,
            multiIf(device = 'desktop',
                        ['Windows','macOS','Linux'][pick(chance(person, 'os'), [0.66, 0.92, 1.])],
                    device = 'tablet', ['iOS','Android'][pick(chance(person, 'os'), [0.6, 1.])],
                    ['Android','iOS'][pick(chance(person, 'os'), [0.58, 1.])]) AS os,
            multiIf(os = 'iOS', 'Safari',
                    os = 'macOS', ['Safari','Chrome','Firefox'][pick(chance(person, 'br'), [0.5, 0.9, 1.])],
                    os = 'Android', ['Chrome','Samsung Internet'][pick(chance(person, 'br'), [0.8, 1.])],
                    ['Chrome','Edge','Firefox'][pick(chance(person, 'br'), [0.62, 0.86, 1.])]) AS browser,
            ['direct','search','newsletter','ads','partner'][pick(chance(seed, 'from'),
                if(age <= 0 and kind < 3, [0.2, 0.62, 0.68, 0.92, 1.], [0.5, 0.74, 0.92, 0.97, 1.]))] AS channel,
            /* 0 stays a stranger, 1 is remembered, 2 logs in on arrival, 3 logs in at the checkout */
            multiIf(not is_member, 0, age <= 0 and first_day >= 0, 2,
                    pick(chance(seed, 'login'), [0.7, 0.92, 1.])) AS login,
            pick(chance(seed, 'pages'), [0.6, 0.82, 0.92, 0.97, 0.99, 1.]) - 1 AS pages
        FROM timed
    )
SELECT
    seed, toUInt32(person) AS person, start_ms, device, os, browser, country, plan, channel, version,
    toUInt8(login) AS login, toUInt8(pages) AS pages, is_member,
    device = 'mobile' and version = '4.2.0' AS is_broken_build,
    chance(seed, 'product') < if(kind = 1, 0.62, 0.8) AS sees,
    sees and chance(seed, 'cart') < if(device = 'mobile', 0.4, 0.47) AS fills,
    fills and chance(seed, 'checkout') < 0.66 AS starts,
    starts and chance(seed, 'shipping') < multiIf(is_broken_build, 0.36, device = 'mobile', 0.82, 0.86)
        AS ships,
    ships and chance(seed, 'payment') < 0.93 AS pays,
    /* 2026-03-19 14:00 to 15:00 UTC: the inventory service fails, and orders with it. */
    start_ms between toInt64(1773928800000) and toInt64(1773932399999) AS is_bad_hour,
    pays and is_bad_hour and chance(seed, 'order fails') < 0.65 AS order_fails,
    pays and not order_fails and chance(seed, 'order') < 0.97 AS orders,
    toUInt8(1 + floor(chance(seed, 'products') * chance(seed, 'more') * 3.3)) AS products,
    lower(hex(sipHash128(seed, 'session'))) AS session,
    lower(hex(sipHash64(seed, 'page load'))) AS instance,
    concat('v-', lower(hex(sipHash64(person, 'visitor')))) AS visitor,
    concat('u-', leftPad(toString(person), 5, '0')) AS user,
    /* A few sessions are recorded; the planted one has files of its own: demo_rage_*.sql. */
    chance(seed, 'recorded') < 0.0095 AS is_recorded
FROM dressed
