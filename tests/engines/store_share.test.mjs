// Several processes of one user on one embedded store: who opens it first carries out the statements
// of the others, and when it ends another takes over. SEXTANT_BIN names the program, SEXTANT_DB_CLI
// the one that runs SQL, SEXTANT_KILL_CYCLES how often the owner is killed under load.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import zlib from 'node:zlib'
import { spawn } from '../children.mjs'
import { dbCli, missing, rowsOf } from './endpoint_helper.mjs'
import { calls, demo } from './parity_calls.mjs'
import { answers, comparable, compare } from './parity_compare.mjs'
import { SEXTANT, Side, Store, environment } from './parity_store.mjs'

const skip = missing() ?? false
const store = skip ? null : new Store()
const children = new Set()
const CYCLES = Number(process.env.SEXTANT_KILL_CYCLES ?? 8)
const PATIENCE_MS = 60000 // for what takes a moment, on a machine that does much else
const TAKEOVER_MS = 20000 // "within a second", and the machine's load

before(() => store?.fill(), { timeout: 300000 })
// What a failed test leaves would be the next one's owner.
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  children.clear()
})
after(() => store?.remove())

function open(flags = ['--data', store.data]) {
  const side = new Side(store.folder, {}, flags)
  children.add(side.child)
  return side
}

// A command that runs beside others: {code, signal, stdout, stderr} when it has ended.
function start(args, data = store.data) {
  const child = spawn(SEXTANT, [...args, '--data', data], { env: environment(store.folder), stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  let stdout = '', stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text })
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  return { child, ended, said: () => stderr }
}

async function run(args, data) {
  const result = await start(args, data).ended
  assert.equal(result.code, 0, `sextant ${args.join(' ')}: ${result.stdout}${result.stderr}`)
  return result.stdout
}

const until = async (what, condition) => {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const value = await condition()
    if (value) return value
    assert.ok(performance.now() < end, `waited in vain: ${what}`)
    await sleep(10)
  }
}

// SQL through the owner, whoever that is.
const cli = (statements, more = {}) =>
  dbCli({ engine: 'store', options: { store: store.data, library: environment(store.folder).SEXTANT_LIBCHDB }, statements, ...more })
const query = (sql, more) => ({ sql, format: 'JSONCompactEachRow', ...more })
async function rows(sql) {
  const { results: [result] } = await cli([query(sql)])
  assert.equal(result.err, undefined, result.err?.text)
  return rowsOf(result)
}
const running = (what) => rows(`SELECT query FROM system.processes WHERE query LIKE '%${what}%' AND query NOT LIKE '%system.processes%'`)

const read = (at) => fs.existsSync(at) ? fs.readFileSync(at, 'utf8') : ''
const ownerOf = (data = store.data) => {
  try {
    return JSON.parse(fs.readFileSync(path.join(data, 'lock'), 'utf8')).pid
  } catch {
    return undefined // nobody has it, or is just writing its line
  }
}
const mapsEngine = (pid) => /libchdb/.test(fs.readFileSync(`/proc/${pid}/maps`, 'utf8'))
const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length

async function both() {
  const owner = open(), other = open()
  assert.equal((await owner.call('list_sources', {})).error, undefined)
  assert.equal((await other.call('list_sources', {})).error, undefined)
  assert.equal(ownerOf(), owner.child.pid)
  return [owner, other]
}

const events = (n, name) => Array.from({ length: n }, (_, i) => JSON.stringify({ time: new Date(1.77e12 + i * 1000).toISOString(), event: `${name}${i % 7}`, actor: `a${i % 50}`, note: 'x'.repeat(i % 100) })).join('\n') + '\n'
function file(name, bytes) {
  const at = path.join(store.folder, name)
  fs.writeFileSync(at, bytes)
  return at
}
const importing = (at, source) => ['import', at, '--source', source, '--time', 'time', '--event', 'event', '--actor', 'actor']
const countOf = async (side, source) => (await side.call('list_sources', {})).structured.sources.find((s) => s.name === source)?.events

test('a tool answers the same through the owner, and the process needs no engine', { skip, timeout: 600000 }, async () => {
  const [owner, other] = await both()
  const table = [...calls(), ...demo('demo')].filter((_, i) => i % 4 === 0)
  compare(table, await answers(other, table), await answers(owner, table), 'through the owner')
  const failing = [['list_events', { source: 'nowhere' }], ['run_funnel', { source: 'shop', steps: ['vieww'] }]]
  compare(failing, await answers(other, failing), await answers(owner, failing), 'errors')
  assert.ok(mapsEngine(owner.child.pid))
  assert.ok(!mapsEngine(other.child.pid), 'the second process loaded the engine')
  const before = descriptors(owner.child.pid)
  for (let i = 0; i < 5; i += 1) await run(['call', 'list_sources'])
  await until('the owner closes what others leave', () => descriptors(owner.child.pid) <= before)
  await other.close()
  await owner.close()
  assert.ok(!fs.existsSync(path.join(store.data, 'socket')))
})

test('what only looks at the program does not touch the store', { skip }, async () => {
  const side = open()
  assert.ok((await side.request('tools/list', {})).result.tools.length > 0)
  assert.equal(ownerOf(), undefined)
  await side.close()
})

test('call, doctor, import and demo work beside an owner that goes on answering', { skip, timeout: 600000 }, async () => {
  const [owner, other] = await both()
  const direct = comparable(await owner.call('list_events', { source: 'shop' }))
  const called = JSON.parse(await run(['call', 'list_events', '{"source":"shop"}']))
  assert.deepEqual(called.events, direct.events)
  const doctor = await run(['doctor'])
  assert.match(doctor, new RegExp(`held by sextant stdio; this command went through the owner, pid ${owner.child.pid}`))

  const plain = path.join(store.folder, 'plain.fifo'), packed = file('packed.jsonl.gz', zlib.gzipSync(events(3000, 'g')))
  let answered = 0, isDone = false
  const load = (async () => {
    while (!isDone) {
      assert.deepEqual(comparable(await owner.call('list_events', { source: 'shop' })), direct)
      answered += 1
    }
  })()
  // They fill tables of the same name on the way, so that the others wait for the first.
  spawnSync('mkfifo', [plain])
  const first = start(importing(plain, 'plain'))
  await until('the first has its turn', () => /"pid":/.test(read(path.join(store.data, 'import.lock'))))
  const others = [start(importing(packed, 'packed')), start(['demo'])]
  const waiting = new RegExp(`waiting for sextant import \\(pid ${first.child.pid}\\), which fills the same store`)
  await until('the others wait', () => others.every((other) => waiting.test(other.said())))
  fs.createWriteStream(plain).end(events(40000, 'e'))
  for (const { code, stderr } of await Promise.all([first, ...others].map((i) => i.ended))) assert.equal(code, 0, stderr)
  isDone = true
  await load
  assert.ok(answered > 0)
  for (const side of [owner, other]) {
    assert.equal(await countOf(side, 'plain'), 40000)
    assert.equal(await countOf(side, 'packed'), 3000)
  }
  assert.equal(ownerOf(), owner.child.pid)
  await other.close()
  await owner.close()
})

// The owner is a command that ends when its own work is done: the import goes on without it.
test('an import outlives the calls that carry it out', { skip, timeout: 300000 }, async (t) => {
  const big = file('big.jsonl', events(400000, 'b'))
  const going = start(importing(big, 'big'))
  const owners = new Set()
  let isDone = false
  going.ended.then(() => { isDone = true })
  while (!isDone) {
    const call = start(['call', 'list_events', '{"source":"shop"}'])
    const { code, stderr } = await call.ended
    assert.equal(code, 0, stderr)
    owners.add(ownerOf())
  }
  const { code, stderr } = await going.ended
  assert.equal(code, 0, stderr)
  // And begun through a call.
  const call = start(['call', 'anomaly_scan', '{"source":"demo","metric":"latency_p95","interval":"hour","by":"service"}'])
  await until('the call has the store', () => ownerOf() === call.child.pid)
  const second = start(importing(big, 'big'))
  for (const each of [call, second]) {
    const ended = await each.ended
    assert.equal(ended.code, 0, ended.stderr)
  }
  const side = open()
  assert.equal(await countOf(side, 'big'), 400000)
  await side.close()
  t.diagnostic(`${owners.size} owners`)
})

const ENDLESS = (mark) => `SELECT /* ${mark} */ sum(sipHash64(number, '${mark}')) FROM numbers(1000000000000)`

test('a cancelled statement and those of a process that is killed end in the engine', { skip, timeout: 300000 }, async () => {
  const [owner, other] = await both()
  const cancelled = await cli([query(ENDLESS('cancelled'), { tag: 'a_tag', cancel_after_ms: 300 })])
  assert.equal(cancelled.results[0].err.code, 'cancelled')
  assert.ok(cancelled.results[0].elapsed_ms < 300 + TAKEOVER_MS)
  assert.equal(cancelled.info.owner_pid, owner.child.pid)
  await until('a cancelled statement ends', async () => (await running('cancelled')).length === 0)

  const job = { engine: 'store', options: { store: store.data }, statements: [query(ENDLESS('killed'), { tag: 'a_tag' }), query(ENDLESS('killed2'))], together: true }
  const child = spawn(process.env.SEXTANT_DB_CLI, { stdio: ['pipe', 'ignore', 'inherit'] })
  children.add(child)
  child.stdin.end(JSON.stringify(job))
  await until('both statements run', async () => (await running('killed')).length === 2)
  assert.ok((await running('killed')).some(([sql]) => /^\/\*sx-\d+ a_tag\*\/ /.test(sql)))
  child.kill('SIGKILL')
  const from = performance.now()
  await until('the statements of the killed end', async () => (await running('killed')).length === 0)
  assert.ok(performance.now() - from < TAKEOVER_MS, `${performance.now() - from} ms`)

  // And a call of a client, as a client cancels it.
  const call = other.request('tools/call', { name: 'anomaly_scan', arguments: { source: 'demo', metric: 'latency_p95', interval: 'minute', by: 'service' } })
  other.send({ method: 'notifications/cancelled', params: { requestId: other.next } })
  await Promise.race([call, sleep(2000)])
  await until('nothing of the call is left', async () => (await running('sx-')).length === 0)
  assert.equal((await other.call('list_sources', {})).error, undefined)
  await other.close()
  await owner.close()
})

test('the next call takes over when the owner ends or is killed', { skip, timeout: 300000 }, async (t) => {
  for (const how of ['SIGKILL', 'SIGTERM', 'stdin']) {
    const [owner, other] = await both()
    const expected = comparable(await other.call('run_funnel', { source: 'shop', steps: ['view', 'add'] }))
    if (how === 'stdin') owner.child.stdin.end()
    else owner.child.kill(how)
    if (how === 'SIGKILL') await owner.gone
    const from = performance.now()
    const answer = await other.call('run_funnel', { source: 'shop', steps: ['view', 'add'] })
    const took = performance.now() - from
    t.diagnostic(`${how}: ${took.toFixed(0)} ms until the next answer`)
    assert.deepEqual(comparable(answer), expected)
    assert.ok(took < TAKEOVER_MS, `${took} ms`)
    assert.equal(ownerOf(), other.child.pid)
    await owner.gone
    await other.close()
  }
})

test('a call that runs when the owner is killed is answered by the next owner', { skip, timeout: 300000 }, async () => {
  const [owner, other] = await both()
  const job = (sql, is_write) => cli([{ ...query(sql), is_write, ...(is_write ? { format: undefined } : {}) }])
  const made = await cli([{ sql: 'CREATE TABLE IF NOT EXISTS sextant.slow (a UInt8) ENGINE = Memory', is_write: true }])
  assert.equal(made.results[0].err, undefined, made.results[0].err?.text)
  // It must still run when the other is seen to; a block may sleep for three seconds.
  const reading = job('SELECT /* slow */ sum(sleepEachRow(0.01)) FROM (SELECT number FROM numbers(800) SETTINGS max_block_size = 100)')
  const write = job('INSERT INTO sextant.slow SELECT sleepEachRow(0.01) /* slow */ FROM numbers(3000) SETTINGS max_block_size = 1', true)
  await until('both run', async () => (await running('slow')).length === 2)
  owner.child.kill('SIGKILL')
  assert.equal((await other.call('list_sources', {})).error, undefined)
  const { results: [answer] } = await reading
  assert.equal(answer.err, undefined, answer.err?.text)
  assert.deepEqual(rowsOf(answer), [[0]])
  const { results: [{ err }] } = await write
  assert.equal(err.code, 'unavailable')
  assert.match(err.text, /sextant stdio \(pid \d+\), ended before it confirmed a change/)
  await other.close()
})

test('an import whose owner is killed says so and leaves the source as it was', { skip, timeout: 300000 }, async () => {
  const [owner, other] = await both()
  await run(importing(file('half.jsonl', events(500, 'old')), 'half'))
  const fifo = path.join(store.folder, 'half.fifo')
  spawnSync('mkfifo', [fifo])
  // The file never ends before the owner does; then its next INSERT, or one under way, tells.
  const going = start(importing(fifo, 'half'))
  const feed = fs.createWriteStream(fifo)
  feed.on('error', () => {})
  const part = events(100000, 'new')
  const feeding = setInterval(() => feed.writableLength < 64 << 20 && feed.write(part), 5)
  await until('an INSERT of it runs', async () => (await running('INSERT INTO sextant_import')).length > 0)
  owner.child.kill('SIGKILL')
  const { code, stderr } = await Promise.race([going.ended, sleep(5000).then(() => ({}))])
  clearInterval(feeding)
  feed.end()
  const ended = code === undefined ? await going.ended : { code, stderr }
  const total = await countOf(other, 'half')
  if (ended.code === 0) assert.ok(total % 100000 === 0, `${total} rows`) // it was between two INSERTs
  else {
    assert.match(ended.stderr, /ended before it confirmed a change/)
    assert.equal(total, 500)
  }
  await run(importing(file('half.jsonl', events(700, 'again')), 'half'))
  assert.equal(await countOf(other, 'half'), 700)
  assert.deepEqual(await rows("SELECT name FROM system.databases WHERE name LIKE '%import%'"), [])
  await other.close()
})

test('an owner that is stopped is named, not waited for', { skip, timeout: 300000 }, async () => {
  const [owner, other] = await both()
  owner.child.kill('SIGSTOP')
  for (const side of [other, open()]) {
    const from = performance.now()
    const { error } = await side.call('list_events', { source: 'shop' })
    assert.match(error, new RegExp(`in use by sextant stdio \\(pid ${owner.child.pid}\\), which does not answer`))
    assert.ok(performance.now() - from < PATIENCE_MS)
    if (side !== other) await side.close()
  }
  const { code, stderr } = await start(['call', 'list_sources']).ended
  assert.equal(code, 1)
  assert.match(stderr, /does not answer/)
  owner.child.kill('SIGCONT')
  assert.equal((await other.call('list_events', { source: 'shop' })).error, undefined)
  await other.close()
  await owner.close()
})

const TOLD = /ended (before it confirmed a change|while it answered)|does not answer/

// Three clients that never pause and an import that never ends, while their owner is killed again
// and again. Answers are right or say what happened; the data is what it was.
test('killing owners under load harms nothing', { skip, timeout: 60000 + CYCLES * 30000 }, async (t) => {
  const first = open()
  const ask = (side) => side.call('list_events', { source: 'shop' })
  const expected = comparable(await ask(first))
  const steady = file('steady.jsonl', events(30000, 's'))
  await run(importing(steady, 'steady'))
  const sides = [first, open(), open()]
  const tally = { answers: 0, told: 0, imported: 0, importsFailed: 0 }
  const takeovers = []
  let isDone = false

  const client = async (i) => {
    while (!isDone) {
      const side = sides[i]
      const answer = await ask(side)
      if (side !== sides[i] || side.child.killed) continue // killed while it waited
      if (answer.error === undefined) {
        assert.deepEqual(comparable(answer), expected)
        tally.answers += 1
      } else {
        assert.match(answer.error, TOLD)
        tally.told += 1
      }
    }
  }
  let going
  const importer = async () => {
    while (!isDone) {
      going = start(importing(steady, 'steady'))
      const { code, signal, stderr } = await going.ended
      if (code === 0) tally.imported += 1
      else {
        tally.importsFailed += 1
        assert.ok(signal === 'SIGKILL' || TOLD.test(stderr), stderr)
      }
    }
  }
  const load = Promise.all([client(0), client(1), client(2), importer()])
  let failure
  load.catch((e) => { failure = e })

  for (let cycle = 0; cycle < CYCLES && !failure; cycle += 1) {
    await sleep(Math.random() * 400)
    const pid = await until('somebody has the store', () => ownerOf())
    const i = sides.findIndex((side) => side.child.pid === pid)
    if (i >= 0) {
      sides[i].child.kill('SIGKILL')
      sides[i] = open()
    } else if (going.child.pid === pid) going.child.kill('SIGKILL')
    else continue // a process that has just ended
    const from = performance.now()
    const before = tally.answers
    await until('an answer after the owner was killed', () => failure ?? tally.answers > before)
    takeovers.push(performance.now() - from)
  }
  isDone = true
  await load
  takeovers.sort((a, b) => a - b)
  const at = (q) => takeovers[Math.floor(q * (takeovers.length - 1))].toFixed(0)
  t.diagnostic(`${takeovers.length} kills: an answer after ${at(0.5)} ms (median), ${at(0.9)} (9 of 10), ${at(1)} (worst); ${JSON.stringify(tally)}`)
  assert.ok(takeovers.length > 0 && takeovers.at(-1) < TAKEOVER_MS * 2, `${at(1)} ms`)
  for (const side of sides) await side.close()

  // Nobody has it now: the store opens, holds every row, and the next import clears up.
  const fresh = open()
  assert.deepEqual(comparable(await ask(fresh)), expected)
  assert.equal(await countOf(fresh, 'steady'), 30000)
  await run(importing(steady, 'steady'))
  assert.equal(await countOf(fresh, 'steady'), 30000)
  assert.deepEqual(await rows("SELECT name FROM system.databases WHERE name LIKE '%import%'"), [])
  const [[broken]] = await rows('SELECT toInt64(count()) FROM system.detached_parts')
  assert.equal(broken, 0)
  await fresh.close()
})
