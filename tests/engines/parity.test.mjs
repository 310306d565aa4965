// Every tool answers the same from the embedded engine and from a server over HTTP, whoever asks
// it and whatever time zone the server lives in; and from JSON columns as from maps.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { missing, startEndpoint } from './endpoint_helper.mjs'
import { ORDERS, RAGE, calls, demo } from './parity_calls.mjs'
import { answers, compare } from './parity_compare.mjs'
import { Side, Store } from './parity_store.mjs'

const skip = missing() ?? false
const store = skip ? null : new Store()
let expected, expectedDemo, expectedLogs

after(() => store?.remove())

// Every third call, the demo's all: what a user or a server is set up to changes all calls alike.
const isSome = (_, i) => i % 3 === 0
const some = () => calls().filter(isSome)
const expectedOfSome = () => expected.filter(isSome)

const open = (env, flags) => new Side(store.folder, env, flags)

const config = (name, sources) => {
  const file = path.join(store.folder, `${name}.json`)
  fs.writeFileSync(file, JSON.stringify({ sources }))
  return ['--config', file]
}

const serverEnv = (endpoint, database, more = {}) => ({ CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: String(endpoint.port),
  CLICKHOUSE_SECURE: 'false', CLICKHOUSE_DATABASE: database, ...more })

// A source in another database than the connection's is known by configuration only.
const withDemo = () => config('with-demo', { demo: { database: 'demo', table: 'otel_traces' } })

// The log of some cases as files.
const logs = async (side) => Promise.all(['csv', 'xes'].map(async (format) => {
  const selection = encodeURIComponent(JSON.stringify({ source: ORDERS, case: 'order', to: '2026-03-29', filters: [{ field: 'detail.flag', value: 'true' }], tz: 'Europe/Berlin' }))
  const { result, error } = await side.request('resources/read', { uri: `sextant://log/${format}/${selection}` })
  assert.ok(result, JSON.stringify(error))
  return result.contents[0].text
}))

before(async () => {
  if (skip) return
  store.fill()
  const side = open({}, ['--data', store.data])
  const tools = (await side.request('tools/list', {})).result.tools.map((tool) => tool.name).sort()
  expected = await answers(side, calls())
  expectedDemo = await answers(side, demo('demo'))
  expectedLogs = await logs(side)
  await side.close()
  const called = new Set([...calls(), ...demo('demo')].map(([tool]) => tool))
  assert.deepEqual([...called].sort(), tools, 'every tool is called')
}, { timeout: 600000 })

test('the embedded engine answers every call', { skip }, () => {
  const table = [...calls(), ...demo('demo')]
  const failed = [...expected, ...expectedDemo].flatMap((answer, i) => answer.error ? [`${table[i][0]} ${JSON.stringify(table[i][1])}: ${answer.error}`] : [])
  assert.deepEqual(failed, [])
})

test('a server answers the same', { skip, timeout: 600000 }, async (t) => {
  const endpoint = await startEndpoint(['--path', store.engine])
  t.after(() => endpoint.stop())
  const side = open(serverEnv(endpoint, 'sextant'), withDemo())
  compare(calls(), await answers(side, calls()), expected, 'a server')
  compare([...demo('demo')], await answers(side, demo('demo')), expectedDemo, 'a server, demo')
  assert.deepEqual(await logs(side), expectedLogs)
  await side.close()
})

test('a user who may set nothing gets the same', { skip, timeout: 600000 }, async (t) => {
  const endpoint = await startEndpoint(['--path', store.engine, '--user', 'reader::readonly=1'])
  t.after(() => endpoint.stop())
  const side = open(serverEnv(endpoint, 'sextant', { CLICKHOUSE_USER: 'reader' }), withDemo())
  compare(some(), await answers(side, some()), expectedOfSome(), 'readonly=1')
  compare([...demo('demo')], await answers(side, demo('demo')), expectedDemo, 'readonly=1, demo')
  await side.close()
  const settings = (await endpoint.log()).filter((r) => /[?&](max_|readonly|log_comment|output_format)/.test(r.url))
  assert.deepEqual(settings.map((r) => r.url), [], 'a locked-down user sends no setting')
})

test('the time zone and settings of a server change nothing', { skip, timeout: 600000 }, async (t) => {
  const endpoint = await startEndpoint(['--path', store.engine, '--profile', 'session_timezone=America/Sao_Paulo',
    '--profile', 'date_time_input_format=best_effort', '--profile', 'join_use_nulls=1', '--profile', 'date_time_output_format=iso',
    '--user', 'default:', '--user', 'reader::readonly=1'])
  t.after(() => endpoint.stop())
  for (const CLICKHOUSE_USER of ['default', 'reader']) {
    const side = open(serverEnv(endpoint, 'sextant', { CLICKHOUSE_USER }), withDemo())
    compare(some(), await answers(side, some()), expectedOfSome(), `session_timezone, ${CLICKHOUSE_USER}`)
    compare([...demo('demo')], await answers(side, demo('demo')), expectedDemo, `session_timezone, demo, ${CLICKHOUSE_USER}`)
    await side.close()
  }
})

// ClickStack's tables, some sessions and orders of the demo, once with maps and once with JSON.
const SMALL = `cityHash64(\`__hdx_materialized_rum.sessionId\`, SpanAttributes['order.id']) % 40 = 0
  OR \`__hdx_materialized_rum.sessionId\` = '${RAGE}'`

function tablesWithJson() {
  const traces = (json) => `SELECT Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName,
    ${json('ResourceAttributes')}, ScopeName, ScopeVersion, ${json('SpanAttributes')}, Duration, StatusCode, StatusMessage
    FROM (SELECT * FROM demo.otel_traces WHERE ${SMALL})`
  const replays = (json) => `SELECT Timestamp, TraceId, SpanId, ServiceName, Body, ${json('ResourceAttributes')}, ${json('LogAttributes')}
    FROM demo.hyperdx_sessions`
  const statements = []
  for (const [database, json] of [['as_map', (c) => c], ['as_json', (c) => `toJSONString(${c})::JSON AS ${c}`]])
    statements.push(`CREATE DATABASE ${database}`,
      `CREATE TABLE ${database}.otel_traces ENGINE = MergeTree ORDER BY (ServiceName, SpanName, Timestamp) AS ${traces(json)}`,
      `CREATE TABLE ${database}.hyperdx_sessions ENGINE = MergeTree ORDER BY (ServiceName, Timestamp) AS ${replays(json)}`)
  return statements
}

test('JSON columns answer as maps do', { skip, timeout: 600000 }, async (t) => {
  const endpoint = await startEndpoint(['--path', store.engine])
  t.after(() => endpoint.stop())
  for (const statement of tablesWithJson()) {
    const response = await fetch(endpoint.url, { method: 'POST', body: statement })
    assert.equal(response.status, 200, `${statement}: ${await response.text()}`)
  }
  const mapping = { name: 'small', table: 'otel_traces', actor: ["SpanAttributes['user.id']", "SpanAttributes['visitor.id']"],
    resource: "SpanAttributes['order.operator']", cases: { order: "SpanAttributes['order.id']" } }
  const flags = config('small', { small: { ...mapping, name: undefined } })
  const table = [...demo('small', { isSmall: true })].filter(([, args]) => args.explain === undefined)
  const results = []
  for (const database of ['as_map', 'as_json']) {
    const side = open(serverEnv(endpoint, database), flags)
    results.push(await answers(side, table, (s) => s.replaceAll(database, 'database')))
    await side.close()
  }
  const failed = results[0].flatMap((answer, i) => answer.error ? [`${table[i][0]} ${JSON.stringify(table[i][1])}: ${answer.error}`] : [])
  assert.deepEqual(failed, [])
  compare(table, results[1], results[0], 'JSON columns')
})
