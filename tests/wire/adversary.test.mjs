// What hostile data, hostile arguments and accidents must not do: crash the program, reach the
// database as text, leave as a megabyte, or keep a query running. SEXTANT_BIN names the program.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawn } from '../children.mjs'
import { missing, scratch, startEndpoint } from '../engines/endpoint_helper.mjs'
import { SEXTANT, Side, Store, environment } from '../engines/parity_store.mjs'

const skip = missing() ?? false
const store = skip ? null : new Store()
after(() => store?.remove())

const open = (env = {}, flags = ['--data', store.data]) => new Side(store.folder, env, flags)

const CYRILLIC = 'оченьдлинноеимя'.repeat(12) // cut at any fixed number of bytes, it breaks
const lines = (rows) => rows.map((row) => JSON.stringify(row)).join('\n') + '\n'

function* rows() {
  const at = (day, s) => new Date(Date.UTC(2026, 2, day) + s * 1000).toISOString()
  for (let i = 0; i < 120; i += 1)
    yield { time: at(1 + (i % 27), i * 60), event: i % 3 ? 'view' : CYRILLIC, actor: `${'ü'.repeat(120)}${i % 20}`, session: `s${i % 30}`,
      case: 'ж'.repeat(90) + (i % 5), prop: ['йцукен', '値', '🦊'][i % 3].repeat(40) }
  for (let i = 0; i < 25; i += 1)
    yield { time: at(5, i), event: `big-${i}-${'E'.repeat(100000)}`, actor: 'A'.repeat(100000) + i, session: 'S'.repeat(100000), case: 'c', prop: 'P'.repeat(200000) }
  for (let i = 0; i < 30000; i += 1) yield { time: at(7, i), event: `step${i % 9}`, actor: 'robot', session: 'r', case: 'long', prop: 'p' }
}

const importRows = (source, text, ...flags) => {
  const file = path.join(store.folder, `${source}.jsonl`)
  fs.writeFileSync(file, text)
  store.run(['import', file, '--source', source, '--time', 'time', '--event', 'event', '--actor', 'actor', ...flags])
}

before(() => {
  if (skip) return
  importRows('names', lines([...rows()]), '--session', 'session', '--case', 'case')
  const ticks = (...times) => lines(times.map((time) => ({ time, event: 'tick', actor: 'a' })))
  // Of the three, one in two, three and four pays and comes again.
  const visit = (event, hour, n, prop) => ({ time: new Date(Date.UTC(2026, 2, 2, hour, 0, n)).toISOString(), event, actor: `${prop.length}-${n}`, prop })
  const visits = ['one\ntwo', '', 'three'].flatMap((prop, i) => Array.from({ length: 200 }, (_, n) => [visit('view', 0, n, prop),
    ...(n % (i + 2) === 0 ? [visit('pay', 1, n, prop), visit('view', 24, n, prop), visit('end', 72, n, prop)] : [])]).flat())
  importRows('breaks', lines(visits))
  importRows('gap', ticks('1970-01-02T00:00:00Z', '2100-01-01T00:00:00Z'))
  importRows('old', ticks('1901-02-03T04:05:06Z', '1969-12-31T23:59:59Z', '1970-01-01T00:00:00Z', '2024-05-06T00:00:00Z'))
})

const bytes = (value) => Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value))

function checkSize({ structured, text, error }, what) {
  assert.equal(error, undefined, what)
  assert.ok(bytes(text) <= 25000, `${what}: text of ${bytes(text)} bytes`)
  assert.ok(bytes(structured) <= 100000, `${what}: result of ${bytes(structured)} bytes`)
  assert.ok(text.length > 0, what)
}

test('names and values of any length and script never break or fill a result', { skip }, async () => {
  const side = open()
  const source = 'names'
  const funnel = { source, steps: [{}] }
  for (const [tool, args] of [
    ['list_events', { source }], ['describe_source', { source }], ['run_funnel', { ...funnel, breakdown: ['prop', 'event'], explain: 'with' }],
    ['run_funnel', { source, steps: ['step1'], filters: [{ field: 'prop', op: 'in', values: Array(300).fill('ж'.repeat(4000)) }], explain: 'with' }],
    ['retention_matrix', { source, start: {}, breakdown: ['prop'], interval: 'day' }], ['retention_matrix', { source, start: 'view', interval: 'month', periods: 500 }],
    ['conformance_check', { source, sequence: ['step1', CYRILLIC] }], ['conformance_check', { source, sequence: ['step1'], match: 'exact' }],
    ['anomaly_scan', { source, metric: 'event_count', by: 'prop', points: true, interval: 'day' }],
    ['list_actors', { of: 'run_funnel', arguments: funnel, cell: { step: 1 }, limit: 1000 }],
    ['open_session', { source, session: 'r', detail: 'timeline' }], ['open_session', { source, session: 's1' }],
  ])
    checkSize(await side.call(tool, args), `${tool} ${JSON.stringify(args).slice(0, 200)}`)
  // What is cut is said to be cut, and the cursor goes on where the page ended.
  const seen = []
  let cursor
  do {
    const { structured } = await side.call('list_events', { source, ...(cursor ? { cursor } : {}) })
    seen.push(...structured.events.map((e) => e.event.slice(0, 20)))
    assert.equal(structured.cursor !== undefined, structured.meta.truncated?.hint.includes('cursor') ?? false)
    cursor = structured.cursor
  } while (cursor)
  assert.equal(new Set(seen).size, seen.length)
  assert.equal(seen.length, 2 + 25 + 9)
  // Errors about such names are text too.
  for (const [tool, args] of [['run_funnel', { source, steps: [`${CYRILLIC}x`] }], ['run_funnel', { source, steps: ['view'], breakdown: [CYRILLIC] }], ['list_events', { source: CYRILLIC.slice(0, 128) }]])
    assert.match((await side.call(tool, args)).error, /^(steps|breakdown|source)/)
  await side.close()
})

test('a line break in a value or a name does not break the finding', { skip }, async () => {
  const side = open()
  const source = 'breaks', breakdown = ['prop'], from = '2026-03-02', series = [{ event: 'view', name: 'a\tb\nc' }]
  for (const [tool, args, says] of [
    ['run_trend', { breakdown, series: ['view'] }, /^view: one two leads with /],
    ['run_trend', { breakdown, series: [...series, 'pay'] }, /^a b c: one two leads with .*; pay: .* leads with /],
    ['run_trend', { series }, /^a b c: 817 /], ['run_trend', { series: [{ ...series[0], where: [{ field: 'prop', value: 'x' }] }] }, /^Nothing to measure: .* is a b c/],
    ['run_funnel', { breakdown, steps: ['view', 'pay'] }, /one two/],
    ['retention_matrix', { breakdown, start: 'view', kind: 'first_time', interval: 'day' }, /best 2026-03-02 one two: 50/],
  ]) {
    const { structured, text } = await side.call(tool, { source, from, ...args })
    const [first, ...rest] = text.split('\n')
    assert.match(first, says, tool)
    assert.match(first, / Period: 2026-03-02/, tool)
    if (args.breakdown) assert.ok(rest.some((line) => line.includes('(none)')), text)
    assert.match(JSON.stringify(structured), /one\\ntwo|a\\tb\\nc/, 'as it is')
  }
  await side.close()
})

test('a cell that names no values is refused', { skip }, async () => {
  const side = open()
  for (const of of [['run_funnel', { steps: ['view'] }, { step: 1 }], ['retention_matrix', { start: 'view', interval: 'week', from: '2026-03-02' }, { cohort: '2026-03-02', period: 0 }]]) {
    const [tool, args, cell] = of
    const ask = (breakdown, values) => side.call('list_actors', { of: tool, arguments: { source: 'names', ...args, breakdown }, cell: { ...cell, breakdown: values } })
    for (const values of ['x', 5, {}, [1], [null], [[]], ['a', 'b'], []]) {
      const { error } = await ask(['prop'], values)
      assert.match(error ?? '', /^cell\.breakdown: expected a list of 1 texts/, JSON.stringify(values))
    }
    assert.equal((await ask([], [])).error, undefined)
    assert.equal((await ask(['prop'], ['(other)'])).error, undefined)
  }
  await side.close()
})

test('times at the ends of the calendar', { skip }, async () => {
  const side = open()
  const { error } = await side.call('anomaly_scan', { source: 'gap', metric: 'event_count', interval: 'minute' })
  assert.match(error, /^interval: more than \d+ points/)
  // The engine compiles min and max after some calls; the first event must stay the first.
  for (let i = 0; i < 8; i += 1) {
    const { structured } = await side.call('list_events', { source: 'old', search: `${i % 2 ? 'tick' : ''}` })
    assert.deepEqual([structured.events[0].first_seen, structured.events[0].last_seen], ['1901-02-03T04:05:06Z', '2024-05-06T00:00:00Z'])
    assert.equal((await side.call('run_funnel', { source: 'old', steps: ['tick'], from: '0001-01-01', to: '9999-12-31' })).structured.overall.entered, 1)
    await sleep(300)
  }
  for (const tz of ['', 'Europe//Berlin', '/etc/localtime', '../UTC', 'europe/berlin', 'UTC ', "UTC'", 'Mars/Base'])
    assert.match((await side.call('list_events', { source: 'old', tz })).error, /^tz: /, tz)
  await side.close()
})

// Arguments by the schema, some of them something else: seeded, so that a failure comes again.
const WEIRD = [null, true, -1, 2 ** 31, 2 ** 53, 1e308, 0.5, '', 'view', '{p1:String}', "'; DROP TABLE x; --", '`', '\\', '%s%n', 'x'.repeat(5000), '\u0000',
  '[]', '{}', '{"event":', '[[[[', [], {}, [[]], [{}], [null], { event: 5 }, { x: 1 }, Array(33).fill('view'), [1], '9999-12-31', '0001-01-01', 'actor.x', 'time', 'seq']

function arbitrary(seed) {
  let state = seed
  const random = () => { state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff; return state / 0x80000000 }
  const pick = (list) => list[Math.floor(random() * list.length)]
  return function make(schema, depth = 0) {
    if (random() < 0.05) return pick(WEIRD)
    if (schema.enum) return pick(schema.enum)
    if (schema.type === 'object') {
      if (!schema.properties) return pick(WEIRD)
      return Object.fromEntries(Object.entries(schema.properties).filter(([name]) => random() < 0.3 || schema.required?.includes(name)).map(([name, s]) => [name, make(s, depth + 1)]))
    }
    if (schema.type === 'array') return Array.from({ length: pick([0, 1, 1, 2]) }, () => make(schema.items ?? {}, depth + 1))
    if (schema.type === 'integer' || schema.type === 'number') return pick([schema.minimum ?? 0, schema.maximum ?? 100, 1, 2])
    if (schema.type === 'boolean') return random() < 0.5
    return pick(['tick', 'old', 'actor', 'event', '2026-03-05', '-7d', 'UTC', 'user', 'session'])
  }
}

test('no argument crashes, and every refusal names the argument', { skip, timeout: 300000 }, async () => {
  const side = open()
  const { result: { tools } } = await side.request('tools/list', {})
  const make = arbitrary(20260322)
  const rss = () => Number(/VmRSS:\s*(\d+)/.exec(fs.readFileSync(`/proc/${side.child.pid}/status`, 'utf8'))[1])
  let early
  for (let i = 0; i < 1500; i += 1) {
    const tool = tools[i % tools.length]
    const args = make(tool.inputSchema)
    if (args && typeof args === 'object' && !Array.isArray(args)) {
      args.source = tool.inputSchema.properties.source ? 'old' : undefined
      if (tool.name === 'list_actors') {
        const of = tools.find((t) => t.name === ['run_funnel', 'retention_matrix'][i % 2])
        Object.assign(args, { of: of.name, arguments: { ...make(of.inputSchema), source: 'old' } })
      }
    }
    const { result, error } = await side.request('tools/call', { name: tool.name, arguments: args })
    const what = `${tool.name} ${JSON.stringify(args).slice(0, 600)}`
    if (error) {
      assert.ok([-32602, -32600, -32700].includes(error.code), `${what}: ${error.message}`)
    } else if (result.isError) {
      const { code, field } = result._meta.error
      assert.ok(['bad_argument', 'not_found'].includes(code), `${what}: ${result.content[0].text}`)
      assert.ok(field, `${what}: ${result.content[0].text}`)
    } else {
      checkSize({ structured: result.structuredContent, text: result.content[0].text }, what)
    }
    if (i === 700) early = rss()
  }
  assert.ok(rss() < early * 1.25 + 20000, `memory grew from ${early} to ${rss()} kB`)
  await side.close()
})

// --- accidents ------------------------------------------------------------------------------------

const run = (args, env) => spawnSync(SEXTANT, args, { encoding: 'utf8', env: environment(store.folder, env), timeout: 60000 })

test('an import or demo that was killed leaves no source, and no harm', { skip, timeout: 120000 }, async () => {
  const data = path.join(store.folder, 'killed')
  for (const [wait, ...args] of [[300, 'import', path.join(store.folder, 'names.jsonl'), '--source', 'names', '--time', 'time'], [600, 'import', path.join(store.folder, 'names.jsonl'), '--source', 'names', '--time', 'time'], [2500, 'demo']]) {
    const child = spawn(SEXTANT, [...args, '--data', data], { env: environment(store.folder), stdio: 'ignore' })
    const gone = once(child, 'exit')
    await sleep(wait)
    child.kill('SIGKILL')
    await gone
    const { status, stdout, stderr } = run(['call', 'list_sources', '--data', data])
    assert.equal(status, 0, stderr)
    for (const source of JSON.parse(stdout).sources) assert.ok(source.name === 'names' && source.events > 0, `${args[0]} left ${source.table}`)
  }
  assert.equal(run(['import', path.join(store.folder, 'gap.jsonl'), '--source', 'names', '--time', 'time', '--data', data]).status, 0)
  assert.equal(JSON.parse(run(['call', 'list_sources', '--data', data]).stdout).sources[0].events, 2)
})

test('a store in use is shared; one deleted or impossible is said so', { skip }, async () => {
  const data = path.join(store.folder, 'other')
  assert.equal(run(['import', path.join(store.folder, 'gap.jsonl'), '--source', 'gap', '--time', 'time', '--data', data]).status, 0)
  const side = open({}, ['--data', data])
  assert.equal((await side.call('list_sources', {})).error, undefined)
  assert.equal(run(['call', 'list_sources', '--data', data]).status, 0)
  fs.rmSync(data, { recursive: true })
  for (const tool of ['list_sources', 'list_events', 'describe_source']) {
    const { error } = await side.call(tool, tool === 'list_sources' ? {} : { source: 'gap' })
    assert.match(error, /files of the database are missing/)
  }
  await side.close()
  for (const bad of ['/proc/nothing', '/dev/null', SEXTANT]) {
    const { status, stderr } = run(['call', 'list_sources', '--data', bad])
    assert.equal(status, 1)
    assert.equal(JSON.parse(stderr.trim().split('\n').at(-1)).error.code, 'unavailable', stderr)
  }
})

// A source on which every call takes long, without data.
const SLOW = `CREATE OR REPLACE VIEW slow.slow AS SELECT fromUnixTimestamp64Micro(toInt64(1770000000000000 + number * 1000)) AS time, 'e' AS event,
  hex(sipHash128(number % 3)) AS actor, map('k', hex(sipHash128(number))) AS properties FROM numbers(2000000000)`

async function slowServer(t) {
  const endpoint = await startEndpoint()
  t.after(() => endpoint.stop())
  const sql = async (body) => assert.equal((await fetch(endpoint.url, { method: 'POST', body })).status, 200)
  await sql('CREATE DATABASE slow')
  await sql(SLOW)
  const env = { CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: String(endpoint.port), CLICKHOUSE_SECURE: 'false', CLICKHOUSE_DATABASE: 'slow' }
  const until = async (wanted) => {
    const begin = Date.now()
    while (((await endpoint.running()).length > 0) !== wanted) {
      assert.ok(Date.now() - begin < 20000, `queries ${wanted ? 'never start' : 'still run'}`)
      await sleep(20)
    }
    return Date.now() - begin
  }
  return { endpoint, sql, env, until }
}

const SLOW_CALL = { name: 'run_funnel', arguments: { steps: [{}] } }
const LIMIT_MS = 10000 // a second, and what a loaded machine adds

test('whoever goes, the query goes with them', { skip, timeout: 180000 }, async (t) => {
  const { env, until } = await slowServer(t)
  const side = open(env, [])
  side.request('tools/call', SLOW_CALL)
  await until(true)
  side.send({ method: 'notifications/cancelled', params: { requestId: side.next } })
  assert.ok(await until(false) < LIMIT_MS, 'cancelled')
  for (const end of [(s) => s.child.stdin.end(), (s) => s.child.kill('SIGTERM'), (s) => s.child.kill('SIGINT')]) {
    const other = open(env, [])
    other.request('tools/call', SLOW_CALL).catch(() => {})
    await until(true)
    const begin = Date.now()
    end(other)
    await other.gone
    assert.ok(Date.now() - begin < LIMIT_MS, 'ended')
    assert.ok(await until(false) < LIMIT_MS, 'its query stopped')
  }
  await side.close()
})

// `sextant serve`, spoken to over bare sockets.
async function serve(env) {
  const child = spawn(SEXTANT, ['serve', '--listen', '127.0.0.1:0'], { env: environment(scratch('adversary'), env), stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8')
  for await (const chunk of child.stderr) {
    log += chunk
    if (/http:\/\/[^\s"]+:\d+/.test(log)) break
  }
  const port = Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(log)[1])
  // Its own first look at the database is over, too.
  for (let i = 0; i < 1000 && (await fetch(`http://127.0.0.1:${port}/readyz`)).status !== 200; i += 1) await sleep(20)
  return (call) => {
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...call, _meta } })
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n`
      + `MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: ${call.name}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    socket.text = ''
    socket.setEncoding('utf8').on('data', (text) => { socket.text += text })
    socket.answer = async (wanted) => {
      for (let i = 0; i < 1000 && !wanted.test(socket.text); i += 1) await sleep(20)
      assert.match(socket.text, wanted)
    }
    return socket
  }
}

test('over HTTP too; and what is too much is refused at once', { skip, timeout: 180000 }, async (t) => {
  const { endpoint, env, until } = await slowServer(t)
  const post = await serve(env)
  const one = post(SLOW_CALL)
  await until(true)
  one.destroy()
  assert.ok(await until(false) < LIMIT_MS, 'the client left')

  // On a server that still ends no other call: each one counts.
  const crowd = await serve(env)
  const many = Array.from({ length: 100 }, () => crowd(SLOW_CALL))
  const busy = () => many.filter((socket) => socket.text.includes('"code":"busy"')).length
  for (let i = 0; i < 1500 && busy() < 32; i += 1) await sleep(20)
  assert.equal(busy(), 100 - 4 - 64)
  assert.ok((await endpoint.running()).length <= 4)
  for (const socket of many) socket.destroy()
  assert.ok(await until(false) < 2 * LIMIT_MS, 'all left')

  // A server that dies in the middle of a query.
  const broken = post(SLOW_CALL)
  await until(true)
  endpoint.child.kill('SIGKILL')
  await broken.answer(/"code":"unavailable"/)
  const again = post({ name: 'list_sources', arguments: {} })
  await again.answer(/nothing accepts connections/)
})

test('a source that disappears is missed by its name, then looked for anew', { skip, timeout: 120000 }, async (t) => {
  const { sql, env } = await slowServer(t)
  await sql('CREATE TABLE slow.gone ENGINE = Memory AS SELECT now64(6) AS time, \'e\' AS event, \'a\' AS actor, map(\'k\', \'v\') AS properties')
  const side = open(env, [])
  assert.equal((await side.call('list_events', { source: 'gone' })).structured.events.length, 1)
  await sql('DROP TABLE slow.gone SYNC')
  await sleep(5500) // until its bounds are asked again
  assert.match((await side.call('list_events', { source: 'gone' })).error, /the table does not exist/)
  assert.match((await side.call('list_events', { source: 'gone' })).error, /^source: there is no source 'gone'/)
  await side.close()
})

// What is said of activities stays on its line, and cuts no character.
test('activities with long names and line breaks, in the words of the process tools', { skip, timeout: 120000 }, async () => {
  const [broken, long] = ['one\ntwo', '名'.repeat(80)]
  const way = (who, ...events) => events.map((event, i) => ({ time: new Date(Date.UTC(2026, 2, 2, 0, 0, (who + 1) ** 2 * i)).toISOString(), event, actor: `w${who}` }))
  importRows('ways', lines([way(0, broken, long, 'end'), way(1, broken, long, 'end'), way(2, long, broken, long), way(3, 'end', broken)].flat()), '--case', 'actor')
  const side = open()
  const models = [{ sequence: [broken, long, 'end'] }, { edges: [{ from: 'end', to: broken }] }, { temporal: { learn: true, zeta: 0 } },
    { rules: [{ kind: 'response', a: long, b: 'end' }, { kind: 'precedence', a: long, b: broken }] }]
  for (const [tool, args] of [['process_variants', {}], ['process_map', {}], ...models.map((model) => ['conformance_check', model])]) {
    const { text, error } = await side.call(tool, { source: 'ways', ...args })
    assert.equal(error, undefined, tool)
    assert.match(text, /名…/u, `${tool}: ${text}`)
    assert.doesNotMatch(text, /\uFFFD|one\n/u, `${tool}: ${text}`)
  }
  const { structured } = await side.call('conformance_check', { source: 'ways', edges: Array.from({ length: 3 }, () => ({ from: broken, to: 'end' })) })
  assert.equal(structured.deviations.find((d) => d.from === broken).expected, 'end')
  await side.close()
})

// Columns as people call them: like SQL, like what the statements themselves call things, and with
// bytes that are no text.
const ODD = ['a`b', 'c\\d', "e'f", 'g"h', 'i j', 'k{x:String}', '$event', 'ü', 'select', 'n', 'who', 'value', 'at', 'case_id', 'events', 'field', 'tt', 'v', 'x', 'step', '_event']
const quoted = (name) => '`' + name.replaceAll('\\', '\\\\').replaceAll('`', '\\`') + '`'

test('columns of any name, and bytes that are no text', { skip, timeout: 180000 }, async (t) => {
  const { sql, env } = await slowServer(t)
  const roles = ['ti`me', 'ev\\ent', "ac'tor"]
  await sql(`CREATE TABLE slow.odd (${quoted(roles[0])} DateTime64(3), ${[...roles.slice(1), ...ODD].map((c) => `${quoted(c)} String`).join(', ')}) ENGINE = MergeTree ORDER BY tuple()`)
  await sql(`INSERT INTO slow.odd SELECT toDateTime64('2026-03-01 00:00:00', 3, 'UTC') + number * 600, ['view', 'buy'][number % 2 + 1], toString(number % 20),
    ${ODD.map((_, i) => `toString(number % ${i + 2})`).join(', ')} FROM numbers(600)`)
  await sql(`CREATE TABLE slow.bytes (time DateTime, event String, actor String, session String, properties Map(String, String)) ENGINE = MergeTree ORDER BY time`)
  await sql(`INSERT INTO slow.bytes SELECT toDateTime('2026-03-01 00:00:00', 'UTC') + number * 600, ['view', concat('b', unhex('ff'), 'uy')][number % 2 + 1],
    concat(toString(number % 20), unhex('c3')), '', map(concat('k', unhex('e28')), unhex('fe')) FROM numbers(600)`)
  const file = path.join(store.folder, 'odd.json')
  fs.writeFileSync(file, JSON.stringify({ sources: { odd: { table: 'odd', time: roles[0], event: roles[1], actor: roles[2], session: ODD[0], cases: { 'g"h': 'g"h' } } } }))
  const side = open(env, ['--config', file])
  const answer = async (tool, args) => {
    const result = await side.call(tool, args)
    assert.equal(result.error, undefined, `${tool} ${JSON.stringify(args)}: ${result.error}`)
    return result.structured
  }
  assert.deepEqual((await answer('list_events', { source: 'odd' })).events.map((e) => [e.event, e.count, e.actors]), [['buy', 300, 10], ['view', 300, 10]])
  assert.equal((await answer('conformance_check', { source: 'odd', case: 'g"h', sequence: ['view', 'buy'] })).cases, 5)
  for (const [i, column] of ODD.entries()) {
    const filters = [{ field: column, op: 'eq', value: '1' }]
    const { anomalies, series } = await answer('anomaly_scan', { source: 'odd', metric: 'event_count', interval: 'month', points: true, filters })
    assert.ok(anomalies)
    assert.equal(series[0].value, Math.floor((600 - 1 + (i + 2) - 1) / (i + 2)), column)
    await answer('run_funnel', { source: 'odd', steps: ['view', 'buy'], breakdown: [column], filters: [{ field: `actor.${column}`, op: 'exists' }] })
    await answer('retention_matrix', { source: 'odd', start: 'view', interval: 'day', breakdown: [column] })
    await answer('list_actors', { of: 'run_funnel', arguments: { source: 'odd', steps: ['view'], actor: column }, cell: { step: 1 } })
  }
  for (const [tool, args] of [['list_events', {}], ['describe_source', {}], ['run_funnel', { steps: ['view'], breakdown: ['actor'] }], ['anomaly_scan', { metric: 'actors', by: 'event' }]])
    checkSize(await side.call(tool, { source: 'bytes', ...args }), `${tool} on bytes`)
  await side.close()
})

test('every interval of a zone is one point, where days are left out and midnights come twice', { skip, timeout: 120000 }, async () => {
  const rows = Array.from({ length: 5000 }, (_, i) => ({ time: new Date(Date.UTC(2017, 5, 1) + i * 97 * 60e3).toISOString(), event: 'e', actor: `a${i % 7}` }))
  const side = open({}, ['--data', path.join(store.folder, 'zones')])
  const file = path.join(store.folder, 'zones.jsonl')
  fs.writeFileSync(file, lines(rows))
  await side.close()
  assert.equal(run(['import', file, '--source', 'zones', '--time', 'time', '--data', path.join(store.folder, 'zones')]).status, 0)
  const again = open({}, ['--data', path.join(store.folder, 'zones')])
  for (const tz of ['America/Sao_Paulo', 'America/Havana', 'Asia/Beirut', 'Australia/Lord_Howe', 'Pacific/Apia', 'Pacific/Kiritimati', 'America/St_Johns'])
    for (const interval of ['day', 'week', 'month']) {
      const { structured } = await again.call('anomaly_scan', { source: 'zones', metric: 'event_count', interval, points: true, tz })
      const values = structured.series.map((p) => p.value)
      assert.equal(values.reduce((a, b) => a + b), 5000, `${tz} ${interval}`)
      assert.ok(values.every((v) => v > 0), `${tz} ${interval}: ${values.filter((v) => v === 0).length} empty points`)
    }
  await again.close()
})
