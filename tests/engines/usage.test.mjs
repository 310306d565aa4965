// usage_report on a table of product telemetry as products write it, and on one of page views with
// user agents: every figure was counted by hand.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { missing, scratch, startEndpoint } from './endpoint_helper.mjs'
import { Side } from './parity_store.mjs'

const skip = missing() ?? false
let endpoint, side
const run = async (sql) => {
  const response = await fetch(endpoint.url, { method: 'POST', body: sql })
  assert.equal(response.status, 200, `${sql}: ${await response.text()}`)
}
const quote = (text) => (text === null ? 'NULL' : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`)

// [time, name, session, actor, route pattern, payload]
const TELEMETRY = [
  ['2026-05-01 10:00:00.000', 'page_viewed', 's1', 'a1', '/home', {}],
  ['2026-05-01 10:00:05.000', 'feature_viewed', 's1', 'a1', '/home', { feature: 'graph', surface: 'home' }],
  ['2026-05-01 10:00:10.000', 'filter_changed', 's1', 'a1', '/home', { view: 'board', filterKey: 'team', valueCount: 2 }],
  ['2026-05-01 10:00:20.000', 'page_viewed', 's1', 'a1', '/board/:id', {}],
  ['2026-05-01 10:01:00.000', 'session_ended', 's1', 'a1', '/board/:id', { durationMs: 60000, pagesViewed: 2, interactions: 3 }],
  ['2026-05-01 23:30:00.000', 'page_viewed', 's2', 'a2', '/home', {}],
  ['2026-05-01 23:30:01.000', 'chart_interacted', 's2', 'a2', '/home', { chart: 'line', action: 'zoom', surface: 'home' }],
  ['2026-05-01 23:30:02.000', 'chart_interacted', 's2', 'a2', '/home', { chart: 'line', action: 'zoom', surface: 'home' }],
  ['2026-05-01 23:30:03.000', 'client_error', 's2', 'a2', '/home', { boundary: 'chart', errorClass: 'TypeError' }],
  ['2026-05-01 23:30:20.000', 'session_ended', 's2', 'a2', '/home', { durationMs: 20000, pagesViewed: 1, interactions: 2 }],
  ['2026-05-03 08:00:00.000', 'page_viewed', 's3', 'a1', '/home', {}],
  ['2026-05-03 08:00:01.000', 'feature_viewed', 's3', 'a1', '/home', { feature: 'graph', surface: 'home' }],
  ['2026-05-03 08:00:02.000', 'feature_viewed', 's3', 'a1', '/home', { feature: "it's", surface: '' }],
  ['2026-05-03 08:00:03.000', 'feature_viewed', 's3', 'a1', null, {}],
  ['2026-05-03 08:00:40.000', 'session_ended', 's3', 'a1', '/home', { durationMs: 40000, pagesViewed: 1, interactions: 1 }],
]

const EDGE = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0'
const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1'
const TABLET = 'Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36'

// [time, session, actor, url, referrer, user agent, country]
const VIEWS = [
  ['2026-05-01 10:00:00', 's1', 'a1', 'https://shop.example/', 'https://www.search.example/?q=x', EDGE, 'DE'],
  ['2026-05-01 10:01:00', 's1', 'a1', 'https://shop.example/cart?item=7#top', 'https://shop.example/', EDGE, 'DE'],
  ['2026-05-01 10:02:00', 's1', 'a1', 'https://shop.example/cart', 'https://shop.example/cart', EDGE, 'DE'],
  ['2026-05-01 11:00:00', 's2', 'a2', 'https://shop.example/cart', '', PHONE, 'FR'],
  ['2026-05-01 12:00:00', 's3', 'a2', 'https://shop.example', 'https://search.example/', TABLET, ''],
  ['2026-05-01 12:00:30', '', '', 'https://shop.example/health', '', 'curl/8.0', ''],
]

before(async () => {
  if (skip) return
  endpoint = await startEndpoint()
  await run('CREATE DATABASE app')
  await run(`CREATE TABLE app.product_telemetry_events (org_id_hash Nullable(String), event_id String, name LowCardinality(String), schema_version String,
    session_id String, anonymous_user_id String, route_pattern Nullable(String), payload_json String, occurred_at DateTime64(3, 'UTC'),
    ingested_at DateTime64(3, 'UTC'), source LowCardinality(String)) ENGINE = MergeTree ORDER BY (name, occurred_at)`)
  for (const [at, name, session, actor, route, payload] of TELEMETRY)
    await run(`INSERT INTO app.product_telemetry_events (name, session_id, anonymous_user_id, route_pattern, payload_json, occurred_at)
      VALUES (${[name, session, actor, route, JSON.stringify(payload), at].map(quote)})`)
  await run(`CREATE TABLE app.views (time DateTime('UTC'), event String, actor String, session String, properties Map(String, String))
    ENGINE = MergeTree ORDER BY time`)
  for (const [at, session, actor, url, referrer, agent, country] of VIEWS)
    await run(`INSERT INTO app.views VALUES (${[at, 'page_view', actor, session].map(quote)},
      map('url', ${quote(url)}, 'referrer', ${quote(referrer)}, 'user_agent', ${quote(agent)}, 'country', ${quote(country)}))`)
  side = new Side(scratch('usage'), { CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: String(endpoint.port), CLICKHOUSE_SECURE: 'false', CLICKHOUSE_DATABASE: 'app' })
}, { timeout: 60000 })
after(() => endpoint?.stop())

const report = async (args) => {
  const { result } = await side.request('tools/call', { name: 'usage_report', arguments: args })
  assert.ok(!result.isError, result.content[0].text)
  return result.structuredContent
}
const rows = (items, ...members) => items.map((item) => members.map((m) => item[m]))

test('the seven questions of product telemetry', { skip }, async () => {
  const result = await report({ source: 'product_telemetry_events', from: '2026-05-01', to: '2026-05-03' })
  assert.deepEqual(rows(result.daily_actors, 'time', 'count', 'actors'),
    [['2026-05-01T00:00:00Z', 10, 2], ['2026-05-02T00:00:00Z', 0, 0], ['2026-05-03T00:00:00Z', 5, 1]])
  assert.deepEqual(result.routes, [{ value: '/home', count: 3, actors: 2, share: 0.75, sessions: 3 }, { value: '/board/:id', count: 1, actors: 1, share: 0.25, sessions: 1 }])
  assert.deepEqual(rows(result.features, 'value', 'surface', 'count', 'actors', 'sessions'), [['graph', 'home', 2, 1, 2], ["it's", '', 1, 1, 1]])
  assert.deepEqual(result.filters, [{ value: 'team', view: 'board', count: 1, actors: 1, share: 1, sessions: 1 }])
  assert.deepEqual(result.charts, [{ value: 'line', action: 'zoom', surface: 'home', count: 2, actors: 1, share: 1, sessions: 1 }])
  assert.deepEqual(result.errors, [{ value: 'TypeError', boundary: 'chart', route: '/home', count: 1, actors: 1, share: 1, sessions: 1 }])
  assert.deepEqual(result.sessions, { duration_ms: { p50: 40000, p75: 50000, p90: 56000, p95: 58000 }, average_pages: 1.33333333333333, average_interactions: 2 })
  assert.deepEqual(rows(result.entries, 'value', 'count'), [['/home', 3]])
  assert.deepEqual(rows(result.exits, 'value', 'count').sort(), [['/board/:id', 1], ['/home', 2]])
  assert.match(result.meta.warnings.join(), /no field for it: referrers, browsers, systems, devices, countries$/)
})

test('days are those of the time zone', { skip }, async () => {
  const result = await report({ source: 'product_telemetry_events', from: '2026-05-01', to: '2026-05-03', tz: 'Europe/Berlin', limit: 1 })
  assert.deepEqual(rows(result.daily_actors, 'time', 'actors'),
    [['2026-05-01T00:00:00+02:00', 1], ['2026-05-02T00:00:00+02:00', 1], ['2026-05-03T00:00:00+02:00', 1]])
  assert.equal(result.routes.length, 1)
  assert.equal(result.routes[0].share, 0.75)
})

test('pages, visits and what they were made with', { skip }, async () => {
  const result = await report({ source: 'views', from: '2026-05-01', to: '2026-05-01' })
  assert.deepEqual(rows(result.pages, 'value', 'count', 'actors', 'sessions'), [['/cart', 3, 2, 2], ['/', 2, 2, 2], ['/health', 1, 0, 0]])
  assert.deepEqual(rows(result.entries, 'value', 'count', 'actors'), [['/', 2, 2], ['/cart', 1, 1]])
  assert.deepEqual(rows(result.exits, 'value', 'count', 'actors'), [['/cart', 2, 2], ['/', 1, 1]])
  assert.deepEqual(rows(result.referrers, 'value', 'count'), [['search.example', 2]])
  assert.deepEqual(rows(result.browsers, 'value', 'count').sort(), [['Chrome', 1], ['Edge', 1], ['Safari', 1]])
  assert.deepEqual(rows(result.systems, 'value', 'count').sort(), [['Android', 1], ['Windows', 1], ['iOS', 1]])
  assert.deepEqual(rows(result.devices, 'value', 'count').sort(), [['desktop', 1], ['mobile', 1], ['tablet', 1]])
  assert.deepEqual(rows(result.countries, 'value', 'count', 'share'), [['DE', 1, 0.5], ['FR', 1, 0.5]])
  // from the first to the last event: 120 s, 0 and 0
  assert.deepEqual(result.sessions, { duration_ms: { p50: 0, p75: 60000, p90: 96000, p95: 108000 }, average_pages: 1.66666666666667 })
  assert.match(result.meta.warnings.join(), /routes, features, filters, charts, errors/)
})

test('a period without events has no sections', { skip }, async () => {
  const result = await report({ source: 'views', from: '2026-04-01', to: '2026-04-02' })
  assert.equal(result.pages, undefined)
  assert.deepEqual(rows(result.daily_actors, 'count', 'actors'), [[0, 0], [0, 0]])
  await side.close()
})
