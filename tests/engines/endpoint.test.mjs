// The endpoint for tests must be ClickHouse's wire, not our idea of it: the official client decides.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { missing, startEndpoint } from './endpoint_helper.mjs'

const why = missing()
const { createClient } = why ? {} : await import('@clickhouse/client')
const skip = why ?? false
let endpoint

before(async () => {
  if (!skip) endpoint = await startEndpoint(['--user', 'default:', '--user', 'bob:secret', '--user', 'lock:pw:readonly', '--user', 'ro:pw:readonly=2'])
})
after(() => endpoint?.stop())

async function withClient(options, run) {
  const client = createClient({ url: endpoint.url, ...options })
  try {
    return await run(client)
  } finally {
    await client.close()
  }
}
const rows = async (client, query, query_params, more = {}) =>
  (await client.query({ query, query_params, format: 'JSONCompactEachRow', ...more })).json()

test('ping', { skip }, () => withClient({}, async (client) => assert.equal((await client.ping()).success, true)))

test('select with parameters of every kind', { skip }, () => withClient({}, async (client) => {
  const nasty = `it's \\ "q" \t\n\r \0 {x:String} 日本 🚀`
  assert.deepEqual(await rows(client, 'SELECT {s:String}, {a:Array(String)}, {n:Int64} + 1, {m:Map(String,UInt8)}, {d:DateTime64(3, \'UTC\')}',
    { s: nasty, a: [nasty, ''], n: -5, m: { k: 7 }, d: new Date('2026-03-02T10:00:00.250Z') }),
  [[nasty, [nasty, ''], -4, { k: 7 }, '2026-03-02 10:00:00.250']])
}))

test('long parameters go as a form', { skip }, () => withClient({ use_multipart_params_auto: true }, async (client) => {
  const a = Array.from({ length: 3000 }, (_, i) => `item ${i} 'x'`)
  assert.deepEqual(await rows(client, 'SELECT length({a:Array(String)}), {a:Array(String)}[-1]', { a }), [[3000, a.at(-1)]])
  const log = await endpoint.log()
  assert.match(log.at(-1).headers['content-type'], /^multipart\/form-data/)
}))

test('a form field above 128 KiB is refused, as by the server', { skip }, () => withClient({ use_multipart_params: true }, async (client) => {
  await assert.rejects(rows(client, 'SELECT length({s:String})', { s: 'x'.repeat(200000) }), /Field value too long/)
}))

test('insert, then read', { skip }, () => withClient({}, async (client) => {
  await client.command({ query: 'CREATE DATABASE IF NOT EXISTS wire' })
  await client.command({ query: 'CREATE TABLE wire.t (a UInt64, b String) ENGINE = MergeTree ORDER BY a' })
  await client.insert({ table: 'wire.t', values: [{ a: 1, b: 'x' }, { a: 2, b: "y'\n" }], format: 'JSONEachRow' })
  assert.deepEqual(await rows(client, 'SELECT * FROM wire.t ORDER BY a'), [[1, 'x'], [2, "y'\n"]])
}))

test('compression both ways', { skip }, () => withClient({ compression: { request: true, response: true } }, async (client) => {
  const result = await client.query({ query: "SELECT repeat('x', 1000)", format: 'JSONCompactEachRow' })
  assert.equal(result.response_headers['content-encoding'], 'gzip')
  assert.deepEqual(await result.json(), [['x'.repeat(1000)]])
  await client.command({ query: 'CREATE DATABASE IF NOT EXISTS wire' })
  await client.command({ query: 'CREATE TABLE wire.packed (a UInt64) ENGINE = MergeTree ORDER BY a' })
  await client.insert({ table: 'wire.packed', values: [{ a: 5 }], format: 'JSONEachRow' })
  const log = await endpoint.log()
  assert.equal(log.at(-1).headers['content-encoding'], 'gzip')
  assert.deepEqual(await rows(client, 'SELECT a FROM wire.packed'), [[5]])
}))

test('errors carry code and type', { skip }, () => withClient({}, async (client) => {
  await assert.rejects(rows(client, 'SELECT nope'), { code: '47', type: 'UNKNOWN_IDENTIFIER' })
  await assert.rejects(rows(client, 'SELECT * FROM no_such_table'), { code: '60' })
  await assert.rejects(rows(client, 'SELECT 1', {}, { clickhouse_settings: { no_such_setting: 1 } }), { code: '115' })
}))

test('an exception behind rows', { skip }, () => withClient({}, async (client) => {
  const result = await client.query({ query: 'SELECT number FROM numbers(3) /*inject:error_after_rows*/', format: 'JSONEachRow' })
  await assert.rejects(async () => {
    for await (const batch of result.stream()) void batch
  }, /throwIf|Value passed/)
}))

test('users', { skip }, async () => {
  await withClient({ username: 'bob', password: 'secret' }, async (c) => assert.deepEqual(await rows(c, 'SELECT 1'), [[1]]))
  await withClient({ username: 'bob', password: 'no' }, async (c) => assert.rejects(rows(c, 'SELECT 1'), { code: '516' }))
  await withClient({ username: 'lock', password: 'pw' }, async (c) => {
    assert.deepEqual(await rows(c, 'SELECT 1'), [[1]])
    await assert.rejects(rows(c, 'SELECT 1', {}, { clickhouse_settings: { max_threads: 3 } }), { code: '164' })
    await assert.rejects(c.command({ query: 'CREATE DATABASE x' }), { code: '164' })
    await assert.rejects(c.command({ query: "KILL QUERY WHERE query_id = 'x'" }), { code: '164' })
  })
  await withClient({ username: 'ro', password: 'pw' }, async (c) => {
    assert.deepEqual(await rows(c, 'SELECT 1', {}, { clickhouse_settings: { max_threads: 3 } }), [[1]])
    await assert.rejects(c.command({ query: 'CREATE DATABASE x' }), { code: '164' })
  })
})

test('unknown database', { skip }, () => withClient({ database: 'nowhere' }, async (client) => {
  await assert.rejects(rows(client, 'SELECT 1'), { code: '81' })
}))

const endless = 'SELECT count() FROM numbers(1000000000000) WHERE number % 7 = 3'
const until = async (condition) => {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}
const isRunning = async (id) => (await endpoint.running()).some(([running]) => running === id)

test('abort, which cancels when the setting says so', { skip }, () => withClient({}, async (client) => {
  const controller = new AbortController()
  const query = client.query({ query: endless, query_id: 'aborted', abort_signal: controller.signal,
    clickhouse_settings: { readonly: '2', cancel_http_readonly_queries_on_client_close: 1 } })
  assert.ok(await until(() => isRunning('aborted')))
  controller.abort()
  await assert.rejects(query)
  assert.ok(await until(async () => !(await isRunning('aborted'))), 'it still runs')
}))

test('KILL QUERY and system.processes by query_id', { skip }, () => withClient({}, async (client) => {
  const query = client.query({ query: endless, query_id: 'victim' })
  const gone = assert.rejects(query, { code: '394' })
  assert.ok(await until(() => isRunning('victim')))
  assert.deepEqual(await rows(client, "SELECT query_id, query FROM system.processes WHERE query_id = 'victim'"), [['victim', endless + ' \nFORMAT JSON']])
  await client.command({ query: 'KILL QUERY WHERE query_id = {id:String} ASYNC', query_params: { id: 'victim' } })
  await gone
}))

test('progress in headers', { skip }, () => withClient({}, async (client) => {
  const result = await client.query({ query: 'SELECT sum(cityHash64(number)) FROM numbers(300000000)', format: 'JSONCompactEachRow',
    clickhouse_settings: { send_progress_in_http_headers: 1, http_headers_progress_interval_ms: '50' } })
  assert.equal((await result.json()).length, 1)
  assert.ok(result.response_headers['x-clickhouse-progress'])
}))
