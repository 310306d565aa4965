// sql/clickhouse*.c, driven through db_cli against the endpoint: values, errors, limits, cancelling,
// faults of the wire, users, TLS. SEXTANT_DB_CLI names the binary; with SEXTANT_DB_CLI_ENGINE (one
// without sanitizers, which libchdb does not bear) the embedded engine must give the same rows.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import net from 'node:net'
import fs from 'node:fs'
import path from 'node:path'
import { missing, startEndpoint, dbCli, rowsOf, scalar, array, makeCertificates, hasOpenssl, enginePath, scratch } from './endpoint_helper.mjs'

const skip = missing() ?? (process.env.SEXTANT_DB_CLI ? false : 'SEXTANT_DB_CLI does not name db_cli')
const plain = process.env.SEXTANT_DB_CLI_ENGINE
const FORMAT = 'JSONCompactEachRow'
const ENDLESS = 'SELECT count() FROM numbers(1000000000000) WHERE number % 7 = 3'
const USERS = ['--user', 'default:', '--user', 'bob:se cret/?&', '--user', 'lock:pw:readonly', '--user', 'ro:pw:readonly=2']
let endpoint

before(async () => {
  if (!skip) endpoint = await startEndpoint(USERS)
})
after(() => endpoint?.stop())

const job = (statements, options = {}, more = {}) => ({
  engine: 'clickhouse',
  options: { host: '127.0.0.1', port: endpoint.port, user: 'default', password: '', ...options },
  statements: statements.map((s) => ({ format: FORMAT, tag: 'test', ...s })),
  ...more,
})
const run = (statements, options, more) => dbCli(job(statements, options, more))
async function one(statement, options) {
  const answer = await run([statement], options)
  assert.equal(answer.stderr, '')
  return { ...answer.results[0], info: answer.info }
}
async function fails(statement, options, code, text) {
  const result = await one(statement, options)
  assert.ok(result.err, 'it succeeded')
  assert.equal(result.err.code, code, result.err.text)
  if (text) assert.match(result.err.text, text)
  return result
}
const SOON_MS = 10000 // a second, and what a loaded machine adds
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
async function until(condition) {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return true
    await delay(50)
  }
  return false
}
// What a locked user left running goes on: it is ended for the other tests.
async function killAll() {
  for (const [id] of await endpoint.running())
    await one({ sql: 'KILL QUERY WHERE query_id = {id:String} ASYNC', params: { id }, is_write: true })
}
const lastRequests = async (sql) => (await endpoint.log()).filter((r) => r.sql.includes(sql) || r.url.includes(encodeURIComponent(sql)))

// --- values ------------------------------------------------------------------------------------

const nasty = ["it's", 'a\\', '\\N', '\\', "\\'", 'tab\there', 'line\nbreak', 'cr\rlf\r\n', '"q"', '`b`', '{x:String}', '$slot',
  '日本語 🚀', "');DROP TABLE x;--", '%27%00', '', ' ', '\\\\t', '\u0001\u007f', '-- c', '/* c */', '?a=1&b=2#c', '\r\n--boundary']
const long = nasty.join('').repeat(40) // into a form
const statements = () => [
  ...nasty.map((text) => ({ sql: 'SELECT {v:String} AS v, {a:Array(String)} AS a, map({v:String}, 1)[{v:String}] AS m, {v:String} IN {a:Array(String)} AS i',
    params: { v: scalar(text), a: array([text, 'x']) }, expect: [[text, [text, 'x'], 1, 1]] })),
  { sql: 'SELECT {v:String}, {a:Array(String)}', params: { v: scalar(long), a: array([long]) }, expect: [[long, [long]]] },
  { sql: 'SELECT {n:Nullable(String)}, {m:Nullable(String)}', params: { n: '\\N', m: '\\\\N' }, expect: [[null, '\\N']] },
  { sql: 'SELECT {i:Int64}, {u:UInt64}, {f:Float64}, toString({t:DateTime64(6, \'UTC\')}), tupleElement({d:Identifier}, 1) FROM (SELECT (7, 8) AS x)',
    params: { i: '-9007199254740991', u: '9007199254740991', f: '0.1', t: '1774188311.732000', d: 'x' },
    expect: [[-9007199254740991, 9007199254740991, 0.1, '2026-03-22 14:05:11.732000', 7]] },
  { sql: 'SELECT [], CAST([], \'Array(UInt64)\'), {e:Array(String)}, nan, toUInt64(5), 1.5::Decimal(9,2)', params: { e: '[]' },
    expect: [[[], [], [], null, 5, 1.5]] },
  { sql: 'SELECT number, toString(number) FROM numbers(3) LIMIT {l:UInt64}', params: { l: '2' }, expect: [[0, '0'], [1, '1']] },
  { sql: 'SELECT 1 WHERE 0', params: {}, expect: [] },
]

test('parameters and values', { skip }, async () => {
  const list = statements()
  const answer = await run(list)
  list.forEach((s, i) => {
    assert.equal(answer.results[i].err, undefined, `${JSON.stringify(s.params)}: ${answer.results[i].err?.raw}`)
    assert.deepEqual(rowsOf(answer.results[i]), s.expect)
  })
  assert.equal(answer.info.version.split('.').length, 4)
  assert.deepEqual([answer.info.may_set_limits, answer.info.may_kill, answer.info.engine], [true, true, 'clickhouse'])
})

test('the same bytes from the embedded engine', { skip: skip || (plain ? false : 'no db_cli without sanitizers') }, async () => {
  const list = statements()
  const store = scratch('parity')
  const remote = await run(list)
  const local = await dbCli({ ...job(list), engine: 'chdb', options: { store, library: enginePath() } }, { binary: plain })
  for (const r of local.results) assert.equal(r.err, undefined, r.err?.text)
  list.forEach((s, i) => assert.equal(local.results[i].rows, remote.results[i].rows, s.sql))
  fs.rmSync(store, { recursive: true })
})

test('a user who may set nothing sees the same rows, from servers that quote integers too', { skip }, async () => {
  const old = await startEndpoint([...USERS, '--profile', 'output_format_json_quote_64bit_integers=1'])
  const list = [...statements().filter((s) => !/nan|Decimal/.test(s.sql)),
    { sql: `SELECT toUInt64(18446744073709551615), toInt64(-5), [toUInt64(1), 2], (toUInt64(3), 'a "q" \\\\ ]', toInt8(4)),
      CAST((1, 'x'), 'Tuple(a UInt64, \`b c\` String)'), map('k', toInt64(9)), toNullable(toInt64(7)), CAST(NULL, 'Nullable(Int64)'),
      toLowCardinality('1'), '123', [[toUInt64(1)], []], toInt128(10), [(toUInt64(1), [map('z', (toUInt64(2), 'y'))])]` }]
  const wanted = await run(list)
  const got = await dbCli({ ...job(list, { port: old.port, user: 'lock', password: 'pw' }) })
  await old.stop()
  list.forEach((s, i) => {
    assert.equal(got.results[i].err, undefined, got.results[i].err?.raw)
    // Slashes stay escaped for this user: the same JSON, though not the same bytes.
    assert.equal(got.results[i].rows.replaceAll('\\/', '/'), wanted.results[i].rows, s.sql)
  })
  assert.deepEqual([got.info.may_set_limits, got.info.may_kill], [false, false])
})

test('five megabytes in a parameter, a hundred thousand in a list', { skip }, async () => {
  const big = "x'\\\t\n日本".repeat(500000) // 5.5 MB, more when escaped
  const items = Array.from({ length: 100000 }, (_, i) => `item '${i}' \\ with some text behind it\n`)
  const numbers = Array.from({ length: 100000 }, (_, i) => i * 1000)
  const answer = await run([
    { sql: 'SELECT length({v:String}), cityHash64({v:String}) = cityHash64({w:String}), substring({v:String}, 1, 3)', params: { v: scalar(big), w: scalar(big) } },
    { sql: 'SELECT length({a:Array(String)}), {a:Array(String)}[1], {a:Array(String)}[77777], {a:Array(String)}[-1], {k:String} IN {a:Array(String)}, has({a:Array(String)}, {k:String})',
      params: { a: array(items), k: scalar(items[54321]) } },
    { sql: 'SELECT arraySum({n:Array(UInt64)}), count() FROM numbers(100) WHERE number * 1000 IN {n:Array(UInt64)}', params: { n: `[${numbers.join(',')}]` } },
    { sql: 'SELECT arrayMap(x -> length(x), {a:Array(String)}), {a:Array(String)}[2] = {v:String}', params: { a: array(['a', big, 'b']), v: scalar(big) } },
    { sql: 'SELECT {v:String} AS v', params: { v: scalar(big) } },
  ])
  const bytes = Buffer.byteLength(big)
  for (const r of answer.results) assert.equal(r.err, undefined, r.err?.raw.slice(0, 500))
  assert.deepEqual(rowsOf(answer.results[0]), [[bytes, 1, "x'\\"]])
  assert.deepEqual(rowsOf(answer.results[1]), [[100000, items[0], items[77776], items.at(-1), 1, 1]])
  assert.deepEqual(rowsOf(answer.results[2]), [[numbers.reduce((a, b) => a + b, 0), 100]])
  assert.deepEqual(rowsOf(answer.results[3]), [[[1, bytes, 1], 1]])
  assert.deepEqual(rowsOf(answer.results[4]), [[big]])
  const request = (await lastRequests('length({a:Array')).at(-1)
  assert.equal(request, undefined, 'a long parameter stands whole in the SQL')
})

test('a statement longer than a form field, and than max_query_size', { skip }, async () => {
  const sql = 'SELECT ' + Array.from({ length: 30000 }, (_, i) => `'${i}'`).join(' || ').slice(0, 290000).replace(/ \|\| '?\d*$/, '')
  const half = Array.from({ length: 30000 }, () => '1111111111').join(',')
  const result = await one({ sql: `SELECT length([${half}]), length({v:String})`, params: { v: 'y'.repeat(5000) } })
  assert.equal(result.err, undefined, result.err?.raw.slice(0, 300))
  assert.deepEqual(rowsOf(result), [[30000, 5000]])
  assert.ok(sql.length > 0)
})

test('an INSERT with its rows in the body, and reading it back', { skip }, async () => {
  const lines = Array.from({ length: 50000 }, (_, i) => `${i},"text ${i}, with ""quotes"""`).join('\n') + '\n'
  const answer = await run([
    { sql: 'CREATE DATABASE IF NOT EXISTS sextant', is_write: true, format: undefined },
    { sql: 'CREATE OR REPLACE TABLE sextant.t (a UInt64, b String) ENGINE = MergeTree ORDER BY a', is_write: true, format: undefined },
    { sql: 'INSERT INTO sextant.t FORMAT CSV', body: lines, is_write: true, format: undefined },
    { sql: 'SELECT count(), sum(a), max(b) FROM sextant.t' },
    { sql: 'INSERT INTO sextant.t FORMAT CSV', body: '1,"a"\nnot a number,"b"\n', is_write: true, format: undefined },
    { sql: 'CREATE TABLE sextant.u (a UInt8) ENGINE = Memory' },
  ])
  for (const r of answer.results.slice(0, 4)) assert.equal(r.err, undefined, r.err?.raw)
  assert.deepEqual(rowsOf(answer.results[3]), [[50000, (50000 * 49999) / 2, 'text 9999, with "quotes"']])
  assert.ok(answer.results[4].err, 'a broken row went in')
  assert.equal(answer.results[5].err.engine_code, 164, 'a read-only statement created a table')
})

// --- what is sent ------------------------------------------------------------------------------

test('settings, ids and headers', { skip }, async () => {
  await one({ sql: 'SELECT 41 + 1', tag: 'run_funnel', limits: { time_ms: 2500, memory_bytes: 500000000, result_rows: 7, result_bytes: 9999 } }, { database: 'default', user: 'bob', password: 'se cret/?&', role: 'analyst' })
  const { url, headers } = (await lastRequests('SELECT 41 + 1')).at(-1)
  const sent = Object.fromEntries(new URLSearchParams(url.split('?')[1]))
  const expected = { database: 'default', default_format: FORMAT, readonly: '1', session_timezone: 'UTC', max_execution_time: '2.500', max_memory_usage: '500000000',
    max_bytes_before_external_group_by: '50000000', max_bytes_before_external_sort: '50000000', group_by_two_level_threshold_bytes: '4000000',
    move_primary_key_columns_to_end_of_prewhere: '0',
    max_result_rows: '7', max_result_bytes: '9999', result_overflow_mode: 'throw', cancel_http_readonly_queries_on_client_close: '1',
    wait_end_of_query: '1', output_format_json_quote_64bit_integers: '0', output_format_json_quote_denormals: '0',
    enable_http_compression: '1', role: 'analyst' }
  for (const [name, value] of Object.entries(expected)) assert.equal(sent[name], value, name)
  assert.deepEqual(JSON.parse(sent.log_comment), { application: 'sextant', tool: 'run_funnel' })
  assert.match(sent.query_id, /^sextant-run_funnel-[0-9a-f]{32}$/)
  assert.equal(headers['x-clickhouse-user'], 'bob')
  assert.match(headers['accept-encoding'], /^(zstd|gzip)$/)
  assert.equal(headers.expect, undefined)
  assert.ok(!url.includes('cret'), 'the password is in the URL')
})

test('a locked user sends no settings at all, and caps still hold', { skip }, async () => {
  const lock = { user: 'lock', password: 'pw' }
  const answer = await run([
    { sql: 'SELECT 43 + 1' },
    { sql: 'SELECT number FROM numbers(1000)', limits: { result_rows: 10 } },
    { sql: "SELECT repeat('x', 100000)", limits: { result_bytes: 5000 } },
    { sql: ENDLESS, limits: { time_ms: 700 } },
    { sql: 'SELECT number FROM numbers(10)', limits: { result_rows: 10 } },
  ], lock)
  const { url } = (await lastRequests('SELECT 43 + 1')).at(-1)
  assert.deepEqual([...new URLSearchParams(url.split('?')[1]).keys()].sort(), ['buffer_size', 'database', 'default_format', 'query_id', 'wait_end_of_query'])
  const codes = answer.results.map((r) => r.err?.code)
  assert.deepEqual(codes, [undefined, 'limit', 'limit', 'timeout', undefined])
  assert.ok(answer.results[3].elapsed_ms < SOON_MS)
  assert.equal(rowsOf(answer.results[4]).length, 10)
  assert.equal((await lastRequests('KILL')).length, 0, 'a locked user tried to kill')
  await killAll()
  assert.deepEqual([answer.info.may_set_limits, answer.info.may_kill], [false, false])
})

test('a readonly=2 user may set, but not readonly', { skip }, async () => {
  const result = await one({ sql: 'SELECT 45 + 1' }, { user: 'ro', password: 'pw' })
  assert.deepEqual(rowsOf(result), [[46]])
  const { url } = (await lastRequests('SELECT 45 + 1')).at(-1)
  assert.ok(url.includes('max_execution_time=') && !/[?&]readonly=/.test(url))
})

test('settings that the profile caps are left out', { skip }, async () => {
  const capped = await startEndpoint(['--constraint', 'max_memory_usage=1000', '--constraint', 'max_result_rows=5'])
  const answer = await dbCli(job([{ sql: 'SELECT 47 + 1' }, { sql: 'SELECT 48 + 1' },
    { sql: 'CREATE DATABASE capped', is_write: true, format: undefined }], { port: capped.port }))
  const log = await capped.log()
  await capped.stop()
  assert.deepEqual(answer.results.map((r) => r.err), [undefined, undefined, undefined])
  const last = log.filter((r) => r.sql.includes('48 + 1'))
  assert.equal(last.length, 1, 'it was not remembered')
  assert.ok(!/max_memory_usage|max_result_rows/.test(last[0].url) && last[0].url.includes('max_execution_time') && last[0].url.includes('readonly=1'))
})

// --- errors and limits -------------------------------------------------------------------------

test('errors of the engine', { skip }, async () => {
  assert.equal((await fails({ sql: 'SELECT * FROM no_such' }, {}, 'not_found')).err.engine_code, 60)
  assert.equal((await fails({ sql: 'SELECT nope' }, {}, 'not_found')).err.engine_code, 47)
  assert.equal((await fails({ sql: 'SELEC 1' }, {}, 'engine')).err.engine_code, 62)
  assert.equal((await fails({ sql: 'SELECT {x:UInt8}', params: { x: 'abc' } }, {}, 'bad_argument')).err.engine_code, 457)
  const { err } = await fails({ sql: 'SELECT throwIf(1, \'boom secret\')' }, {}, 'engine')
  assert.equal(err.engine_code, 395)
  assert.ok(!err.text.includes('secret') && err.raw.includes('secret'), 'raw engine text belongs to the log')
})

test('limits of time, memory, rows and bytes', { skip }, async () => {
  const timed = await fails({ sql: ENDLESS, limits: { time_ms: 500 } }, {}, 'timeout')
  assert.ok(timed.elapsed_ms < SOON_MS, String(timed.elapsed_ms))
  await fails({ sql: 'SELECT groupArray(number) FROM numbers(50000000)', limits: { memory_bytes: 30000000 } }, {}, 'limit')
  await fails({ sql: 'SELECT number FROM numbers(100000)', limits: { result_rows: 100 } }, {}, 'limit')
  await fails({ sql: "SELECT repeat('x', 1000) FROM numbers(100000)", limits: { result_bytes: 10000 } }, {}, 'limit')
})

test('the reader stops', { skip }, async () => {
  const { err, bytes } = await fails({ sql: "SELECT repeat('x', 1000) FROM numbers(20000)", stop_after_bytes: 5000 }, {}, 'limit', /stopped by the reader/)
  assert.ok(err && bytes < 20000 * 1000)
})

// --- cancelling --------------------------------------------------------------------------------

test('cancelling ends the query in the engine', { skip }, async () => {
  const pending = one({ sql: `${ENDLESS} /*to cancel*/`, cancel_after_ms: 3000 })
  assert.ok(await until(async () => (await endpoint.running()).some(([, q]) => q.sql.includes('to cancel'))))
  const result = await pending
  assert.equal(result.err.code, 'cancelled')
  assert.ok(result.elapsed_ms < 3000 + SOON_MS, String(result.elapsed_ms))
  assert.ok(await until(async () => !(await endpoint.running()).some(([, q]) => q.sql.includes('to cancel'))), 'it still runs')
  const kill = (await lastRequests('KILL QUERY')).at(-1)
  assert.match(new URLSearchParams(kill.url.split('?')[1]).get('param_id'), /^sextant-test-[0-9a-f]{32}$/)
})

test('cancelling before it began, while it waits, and from inside its rows', { skip }, async () => {
  const answer = await run([
    { sql: 'SELECT 1', cancel_after_ms: 0 },
    ...Array.from({ length: 4 }, () => ({ sql: ENDLESS, cancel_after_ms: 3000 })),
    { sql: 'SELECT 2', cancel_after_ms: 300 },
    { sql: 'SELECT number FROM numbers(100)', cancel_in_data: true },
  ], {}, { together: true })
  const codes = answer.results.map((r) => r.err?.code)
  assert.deepEqual(codes.slice(1), Array(6).fill('cancelled'))
  assert.ok(codes[0] === 'cancelled' || codes[0] === undefined)
  const [waiting, ...running] = [5, 1, 2, 3, 4].map((i) => answer.results[i].elapsed_ms)
  assert.ok(waiting < Math.min(...running), `a waiting query was not cancelled at once: ${waiting}, ${running}`)
  assert.ok(await until(async () => (await endpoint.running()).length === 0), 'something still runs')
})

test('closing cancels what runs', { skip }, async () => {
  const answer = await run([{ sql: ENDLESS }, { sql: ENDLESS }, ...Array.from({ length: 5 }, () => ({ sql: ENDLESS }))], {}, { together: true, close_after_ms: 500 })
  assert.deepEqual(answer.results.map((r) => r.err.code), Array(7).fill('cancelled'))
  assert.ok(await until(async () => (await endpoint.running()).length === 0), 'something still runs')
})

test('a locked user cancels by leaving', { skip }, async () => {
  const result = await one({ sql: ENDLESS, cancel_after_ms: 300, limits: { time_ms: 60000 } }, { user: 'lock', password: 'pw' })
  assert.equal(result.err.code, 'cancelled')
  assert.ok(result.elapsed_ms < SOON_MS)
  await killAll()
})

test('four run, sixty-four wait, the next is busy', { skip }, async () => {
  const answer = await run(Array.from({ length: 70 }, () => ({ sql: 'SELECT sleep(0.05)' })), {}, { together: true })
  const codes = answer.results.map((r) => r.err?.code ?? 'ok')
  assert.deepEqual(codes, [...Array(68).fill('ok'), ...Array(2).fill('busy')])
})

// --- faults of the wire ------------------------------------------------------------------------

for (const style of ['tagged', 'marker', 'plain']) {
  test(`an exception inside a 200 answer: ${style}`, { skip }, async () => {
    const other = await startEndpoint([...USERS, '--style', style])
    const rows = "SELECT number, 'Code: 1. DB::Exception: not one' FROM numbers(5)"
    const list = [
      { sql: `${rows} /*inject:error_after_rows*/` },
      { sql: `${rows} /*inject:error_in_row*/` },
      { sql: `${rows} /*inject:error_in_headers*/` },
      { sql: `SELECT repeat('y', 100) FROM numbers(3000) /*inject:error_after_rows*/` },
      { sql: rows },
      { sql: 'SELECT 7', format: 'TabSeparated' },
      ...(style === 'plain' ? [] : [{ sql: 'SELECT 7 /*inject:error_after_rows*/', format: 'TabSeparated' }]),
    ]
    const answer = await dbCli(job(list, { port: other.port }))
    const locked = await dbCli(job(list, { port: other.port, user: 'lock', password: 'pw' })) // no compression
    await other.stop()
    for (const { results } of [answer, locked]) {
      results.forEach((r, i) => {
        if (i === 4 || i === 5) return assert.equal(r.err, undefined)
        assert.equal(r.err?.engine_code, 395, `${list[i].sql}: ${JSON.stringify(r.err)}`)
        assert.match(r.err.raw, /throwIf/)
        assert.ok(!r.err.raw.includes('__exception__'), r.err.raw)
        if (list[i].format === undefined) for (const row of rowsOf(r)) assert.equal(row.length, i === 3 ? 1 : 2)
      })
      assert.equal(rowsOf(results[0]).length, 5)
      assert.equal(rowsOf(results[1]).length, 4)
      assert.equal(results[2].rows, '')
      assert.equal(rowsOf(results[3]).length, 3000)
      assert.equal(rowsOf(results[4]).length, 5)
      assert.equal(results[5].rows, '7\n')
    }
  })
}

test('connections that break', { skip }, async () => {
  const before = await fails({ sql: 'SELECT 51 /*inject:drop_before*/' }, {}, 'unavailable', /broke before an answer came/)
  assert.ok(before.elapsed_ms > 450)
  // Three attempts; libcurl itself repeats one that finds its kept connection closed.
  assert.ok([3, 4].includes((await lastRequests('SELECT 51')).length))
  const mid = await fails({ sql: "SELECT 52, repeat('z', 50), [number] FROM numbers(100) /*inject:drop_mid_body*/" }, {}, 'unavailable', /in the middle of the answer/)
  assert.equal((await lastRequests('SELECT 52')).length, 1, 'an answer that has begun is not asked for again')
  for (const row of rowsOf(mid)) assert.equal(row.length, 3)
  await fails({ sql: 'CREATE TABLE sextant.w53 (a UInt8) ENGINE = Memory /*inject:drop_before*/', is_write: true, format: undefined }, {}, 'unavailable')
  assert.equal((await lastRequests('w53')).length, 1, 'a write is sent once')
})

test('a gateway that is away for a moment', { skip }, async () => {
  assert.deepEqual(rowsOf(await one({ sql: 'SELECT 61 /*inject:unavailable=2*/' })), [[61]])
  await fails({ sql: 'SELECT 62 /*inject:unavailable=9*/' }, {}, 'unavailable', /HTTP status 503/)
  await fails({ sql: 'SELECT 63 /*inject:unavailable=1*/', is_write: true }, {}, 'unavailable')
})

test('strangers', { skip }, async () => {
  await fails({ sql: 'SELECT 1 /*inject:html=404*/' }, {}, 'unavailable', /HTTP status 404 and not like ClickHouse/)
  await fails({ sql: 'SELECT 1 /*inject:html=401*/' }, {}, 'access', /CLICKHOUSE_USER/)
  await fails({ sql: 'SELECT 1 /*inject:html=200*/' }, {}, 'unavailable', /cut off or is not ClickHouse/)
  await fails({ sql: 'SELECT 1 /*inject:redirect*/' }, {}, 'unavailable', /redirects/)
})

test('slow headers', { skip }, async () => {
  assert.deepEqual(rowsOf(await one({ sql: 'SELECT 71 /*inject:slow_headers=300*/' })), [[71]])
  const late = await fails({ sql: 'SELECT 72 /*inject:slow_headers=30000*/', limits: { time_ms: 300 } }, { user: 'lock', password: 'pw' }, 'timeout')
  assert.ok(late.elapsed_ms < SOON_MS)
})

test('progress', { skip }, async () => {
  const result = await one({ sql: 'SELECT sum(cityHash64(number)) FROM numbers(4000000000)', progress: true })
  assert.equal(result.err, undefined, result.err?.raw)
  assert.ok(result.progress.length > 0, 'no progress came')
  assert.deepEqual(result.progress, [...result.progress].sort((a, b) => a - b))
  assert.ok(result.stats.rows_read > 0 && result.stats.elapsed_ns > 0)
  const failing = await one({ sql: 'SELECT sum(throwIf(number = 400000000)) FROM numbers(500000000)', progress: true })
  assert.equal(failing.err.engine_code, 395)
})

// --- connecting --------------------------------------------------------------------------------

const free = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address()
    server.close(() => resolve(port))
  })
})

test('refused, unknown host, not HTTP, silence', { skip }, async () => {
  const port = await free()
  await fails({ sql: 'SELECT 1' }, { port }, 'unavailable', new RegExp(`127.0.0.1:${port}.*CLICKHOUSE_PORT`))
  await fails({ sql: 'SELECT 1' }, { host: 'no-such-host.invalid' }, 'unavailable', /no-such-host.invalid.*CLICKHOUSE_HOST/)
  const native = net.createServer((s) => s.on('error', () => {}).end('\x01\x02 hello'))
  await new Promise((resolve) => native.listen(0, '127.0.0.1', resolve))
  try {
    await fails({ sql: 'SELECT 1' }, { port: native.address().port }, 'unavailable', /does not speak HTTP/)
  } finally {
    native.close()
  }
  await fails({ sql: 'SELECT 1' }, { host: '10.255.255.1', connect_timeout_ms: 300 }, 'unavailable', /CLICKHOUSE_/)
})

test('users, roles and databases that are wrong', { skip }, async () => {
  await fails({ sql: 'SELECT 1' }, { user: 'bob', password: 'wrong' }, 'access', /'bob'.*CLICKHOUSE_PASSWORD/)
  await fails({ sql: 'SELECT 1' }, { user: 'nobody' }, 'access', /'nobody'.*CLICKHOUSE_USER/)
  await fails({ sql: 'SELECT 1' }, { role: 'boss' }, 'access', /'boss'.*CLICKHOUSE_ROLE/)
  await fails({ sql: 'SELECT 1' }, { database: 'nowhere' }, 'unavailable', /'nowhere'.*CLICKHOUSE_DATABASE/)
})

test('all that wait for a failed connection learn of it, and the next one tries again', { skip }, async () => {
  const answer = await run([{ sql: 'SELECT 1' }, { sql: 'SELECT 2' }], { user: 'nobody' }, { together: true })
  assert.deepEqual(answer.results.map((r) => r.err.code), ['access', 'access'])
  const again = await run([{ sql: 'SELECT 1' }, { sql: 'SELECT 2' }], { user: 'nobody' })
  assert.deepEqual(again.results.map((r) => r.err.code), ['access', 'access'])
})

test('options that cannot be right', { skip }, async () => {
  for (const [options, field] of [[{ host: 'http://x' }, 'CLICKHOUSE_HOST'], [{ host: '' }, 'CLICKHOUSE_HOST'], [{ port: 70000 }, 'CLICKHOUSE_PORT'], [{ password: 'a\nb' }, 'CLICKHOUSE_PASSWORD']])
    assert.equal((await run([], options)).open_error.field, field)
})

test('a path before the endpoint', { skip }, async () => {
  assert.deepEqual(rowsOf(await one({ sql: 'SELECT 81' }, { proxy_path: '/click house/x' })), [[81]])
  assert.match((await lastRequests('SELECT 81')).at(-1).url, /^\/click%20house\/x\/\?/)
})

test('TLS', { skip: skip || (hasOpenssl() ? false : 'no openssl command') }, async () => {
  const tls = makeCertificates()
  const secure = await startEndpoint(['--tls-key', tls.key, '--tls-cert', tls.cert])
  const base = { port: secure.port, is_secure: true }
  await fails({ sql: 'SELECT 1' }, base, 'unavailable', /certificate.*CLICKHOUSE_CA_FILE/)
  assert.deepEqual(rowsOf(await one({ sql: 'SELECT 1' }, { ...base, ca_file: tls.ca })), [[1]])
  assert.deepEqual(rowsOf(await one({ sql: 'SELECT 1' }, { ...base, skip_verify: true })), [[1]])
  await fails({ sql: 'SELECT 1' }, { ...base, ca_file: path.join(tls.dir, 'none.pem') }, 'unavailable', /none.pem/)
  await fails({ sql: 'SELECT 1' }, { is_secure: true }, 'unavailable', /CLICKHOUSE_SECURE/)
  await fails({ sql: 'SELECT 1' }, { port: secure.port }, 'unavailable')
  await secure.stop()
  fs.rmSync(tls.dir, { recursive: true })
})

test('the environment\'s proxy is not asked', { skip }, async () => {
  process.env.http_proxy = 'http://127.0.0.1:1'
  try {
    assert.deepEqual(rowsOf(await one({ sql: 'SELECT 91' })), [[91]])
  } finally {
    delete process.env.http_proxy
  }
})

test('nothing links libcurl', { skip }, () => {
  const text = fs.readFileSync(process.env.SEXTANT_DB_CLI).toString('latin1')
  assert.ok(text.includes('libcurl.so.4') && !text.includes('curl_easy_perform'))
})
