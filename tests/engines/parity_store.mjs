// The data of the parity tests: logs with values that try to be something else, imported by the
// program itself, and its demo; and one program per side that answers calls over stdio.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { spawn } from '../children.mjs'
import { enginePath, scratch } from './endpoint_helper.mjs'

const root = path.join(import.meta.dirname, '..', '..')
export const SEXTANT = process.env.SEXTANT_BIN ?? path.join(root, 'build', 'sextant')

// Every text that a name or a value can be confused with.
export const NASTY = [
  "it's", 'say "hi"', 'back\\slash', 'a`tick', '{p1:String}', '$event', '%x %v %s %n', "'; DROP TABLE x; --",
  'tab\there', 'line\nbreak', 'cr\rhere', '\\N', '\\t', 'NA', 'null', 'NULL', 'true', '0', '-0', '007', '1e3', '1e308',
  'NaN', 'inf', '0x10', '  spaced  ', '2026-03-01', '2026-03-01T12:00:00+02:00', '2026-02-31', '[1,2]', "['a']", '{"a":1}',
  'Straße', 'ÅNGSTRÖM', 'İstanbul', 'émoji 🦊👩‍👩‍👧', 'עברית', 'zero\u200bwidth', '\u2028line', '\ufffd', 'x'.repeat(3000), '/*', '--', '%', '_', '.*',
]
// Property keys of the same kind; the import keeps them as they are written.
export const KEYS = ["it's", 'say "hi"', 'back\\slash', 'a`tick', '{p1:String}', '$event', '%x', 'a.b.c', 'price €', '🦊', 'seq', 'time2', 'Properties', 'select']

const BEGIN = Date.UTC(2026, 2, 20) // the week of Berlin's change to summer time
const MINUTE = 60e3, HOUR = 3600e3, DAY = 24 * HOUR

// A generator of numbers that every run repeats.
export function random(seed) {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * n)
  }
}

const iso = (ms, us) => `${new Date(ms).toISOString().slice(0, -1)}${String(us).padStart(3, '0')}Z`

// Visits of people to a shop: funnels, retention, anomalies, filters on every kind of value.
export function* shop() {
  const pick = random(7)
  for (let who = 0; who < 160; who += 1) {
    const visits = 1 + pick(5)
    for (let visit = 0; visit < visits; visit += 1) {
      let at = BEGIN + pick(14) * DAY + pick(24) * HOUR + pick(60) * MINUTE
      const names = ['view', 'add', 'pay', NASTY[who % NASTY.length], 'view']
      const depth = 1 + pick(names.length)
      for (let i = 0; i < depth; i += 1) {
        at += pick(3) * pick(400) * 1000 // steps may share their time
        const row = {
          time: iso(at, pick(1000)), event: names[i], actor: who % 17 === 3 ? '' : `u${who % 31 === 5 ? NASTY[who % 40] : who}`,
          session: `s${who}-${visit}`, order_id: i > 1 ? `o${who}` : '', device: ['mobile', 'desktop', ''][pick(3)],
          amount: i === 2 ? String(pick(10000) / 100) : '', duration_ms: String(pick(5000)), status: pick(9) === 0 ? 'ERROR' : 'ok',
          service: ['web', 'api'][pick(2)], value: NASTY[(who + i) % NASTY.length], 'actor.plan': who % 3 === 0 ? 'pro' : '',
          'actor.näme': NASTY[who % NASTY.length],
        }
        for (const [k, key] of KEYS.entries()) row[key] = (who + k + i) % 4 === 0 ? NASTY[(who * 3 + k) % NASTY.length] : ''
        yield row
      }
    }
  }
  for (let hour = 0; hour < 14 * 24; hour += 1)
    for (let n = 0; n < (hour === 200 ? 60 : 3 + (hour % 3)); n += 1)
      yield { time: iso(BEGIN + hour * HOUR + n * 50e3, 0), event: 'beat', actor: 'probe', duration_ms: String(hour === 200 ? 900 : 10 + n), status: hour === 200 ? '503' : '200', service: 'api' }
}

// A process with two kinds of cases, resources, start times, nested members and lists.
export function* orders() {
  const pick = random(11)
  const steps = ['received', 'checked', 'approved "now"', 'packed', "sent, isn't it"]
  for (let order = 0; order < 90; order += 1) {
    let at = BEGIN + order * 3 * HOUR
    const skips = order % 5 === 0 ? 1 : order % 7 === 0 ? 3 : -1
    const list = order % 11 === 0 ? [steps[0], steps[2], steps[1], ...steps.slice(3)] : steps
    for (const [i, activity] of list.entries()) {
      if (i === skips) continue
      const start = at
      at += pick(4) * 15 * MINUTE
      yield {
        finished: new Date(at).toISOString(), started: new Date(start).toISOString(), activity, order: `o/${order}`,
        batch: `b ${order % 9}`, clerk: `clerk ${pick(4)}`, customer: order % 13 === 0 ? null : `c${order % 20}`,
        detail: { note: NASTY[(order + i) % NASTY.length], deep: { list: [1, 'two', { three: 3 }], empty: {}, n: order / 7 }, flag: order % 2 === 0 },
        actor: { plan: order % 2 === 0 ? 'pro' : 'free' },
      }
    }
  }
}

const quote = (value) => `"${String(value ?? '').replaceAll('"', '""')}"`

function csvOf(rows) {
  const all = [...rows]
  const columns = [...new Set(all.flatMap((row) => Object.keys(row)))]
  return [columns, ...all.map((row) => columns.map((c) => row[c]))].map((r) => r.map(quote).join(',')).join('\n') + '\n'
}

// Nothing of the surroundings may decide a test.
export function environment(folder, more = {}) {
  return { PATH: process.env.PATH, HOME: folder, XDG_CONFIG_HOME: path.join(folder, 'xdg'),
    SEXTANT_LIBCHDB: process.env.SEXTANT_LIBCHDB ?? enginePath(), ...more }
}

export class Store {
  constructor(name = 'parity') {
    this.folder = scratch(name)
    this.data = path.join(this.folder, 'store')
    this.engine = path.join(this.data, 'engine')
  }

  // A run that may fail.
  try(args, env = {}) {
    return spawnSync(SEXTANT, [...args, '--data', this.data],
      { encoding: 'utf8', env: environment(this.folder, env), maxBuffer: 64 << 20, timeout: 240000 })
  }

  run(args, env = {}) {
    const { status, stdout, stderr } = this.try(args, env)
    assert.equal(status, 0, `sextant ${args.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }

  // `text` as a file of that name, imported.
  import(name, text, ...args) {
    const file = path.join(this.folder, name)
    fs.writeFileSync(file, text)
    this.run(['import', file, ...args])
  }

  fill() {
    this.import('shop.csv', csvOf(shop()), '--source', 'shop', '--time', 'time', '--event', 'event', '--actor', 'actor', '--session', 'session',
      '--case', 'order_id', '--description', `It's a "shop" \\ {p1:String}`)
    this.import('orders.jsonl', [...orders()].map((row) => JSON.stringify(row)).join('\n') + '\n', '--source', 'orders.all-1', '--time', 'finished',
      '--start-time', 'started', '--event', 'activity', '--actor', 'customer', '--case', 'order', '--case', 'batch', '--resource', 'clerk')
    this.run(['demo'])
  }

  remove() {
    fs.rmSync(this.folder, { recursive: true, force: true })
  }
}

// `sextant stdio`, a call at a time or several together.
export class Side {
  constructor(folder, env, flags = []) {
    this.child = spawn(SEXTANT, ['stdio', '--toolsets', 'all', ...flags], { env: environment(folder, env), stdio: ['pipe', 'pipe', 'pipe'] })
    this.gone = once(this.child, 'close')
    this.log = ''
    this.waiting = new Map()
    this.next = 0
    this.child.stderr.setEncoding('utf8').on('data', (text) => { this.log += text })
    this.child.stdin.on('error', () => {})
    let text = ''
    this.child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
      const lines = text.split('\n')
      text = lines.pop()
      for (const message of lines.map((line) => JSON.parse(line))) {
        this.waiting.get(message.id)?.(message)
        this.waiting.delete(message.id)
      }
    })
    this.gone.then(() => {
      this.isGone = true
      for (const done of this.waiting.values()) done({ error: { message: `the program ended: ${this.log}` } })
    })
  }

  send(message) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }

  request(method, params) {
    const id = ++this.next
    const answer = new Promise((resolve) => { this.waiting.set(id, resolve) })
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} }
    this.send({ id, method, params: { ...params, _meta } })
    return this.isGone ? Promise.reject(new Error(`the program has ended: ${this.log}`)) : answer
  }

  // {structured, text} or {error: text}
  async call(name, args) {
    const { result, error } = await this.request('tools/call', { name, arguments: args })
    if (error) return { error: error.message }
    const text = result.content.map((c) => c.text).join('\n')
    return result.isError ? { error: text } : { structured: result.structuredContent, text }
  }

  async close() {
    this.child.stdin.end()
    const [code, signal] = await this.gone
    assert.equal(code, 0, `the program ended with ${code ?? signal}: ${this.log}`)
  }
}
