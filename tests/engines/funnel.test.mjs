// run_funnel over more events than its memory holds: the plans spill, or say what would help. And
// what its text says of them.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { missing, scratch } from './endpoint_helper.mjs'
import { environment, SEXTANT } from './parity_store.mjs'

const skip = missing() ?? false
const STEPS = ['see', 'pick', 'pay', 'keep']
const USERS = 50000
const BEGIN = Date.UTC(2026, 2, 2)
const folder = skip ? null : scratch('funnel')
const data = skip ? null : path.join(folder, 'store')
after(() => { if (folder) fs.rmSync(folder, { recursive: true, force: true }) })

const sextant = (args) => {
  const run = spawnSync(SEXTANT, [...args, '--data', data], { encoding: 'utf8', env: environment(folder), maxBuffer: 64 << 20, timeout: 240000 })
  return { ok: run.status === 0, text: run.stdout + run.stderr }
}

// User u goes u % 5 steps far, a minute for each, after two events that belong to none, and sees again before each.
const depth = (u) => u % 5
const reached = (step, test = () => true) => {
  let n = 0
  for (let u = 0; u < USERS; u += 1) n += depth(u) >= step && test(u) ? 1 : 0
  return n
}

function* events() {
  for (let u = 0; u < USERS; u += 1) {
    const start = BEGIN + (u * 7919 % 1000000) * 1000
    const line = (event, minute) => `${new Date(start + minute * 60e3).toISOString()},${event},user-${u},${u % 3 === 0 ? 'phone' : 'desk'}\n`
    yield line('other', -2)
    yield line('other', -1)
    for (let step = 1; step <= depth(u); step += 1) {
      if (step > 1) yield line('see', step - 0.5)
      yield line(STEPS[step - 1], step)
    }
  }
}

before(() => {
  if (skip) return
  const file = path.join(folder, 'events.csv')
  fs.writeFileSync(file, 'time,event,user,device\n' + [...events()].join(''))
  const { ok, text } = sextant(['import', file, '--source', 'shop', '--time', 'time', '--event', 'event', '--actor', 'user'])
  assert.ok(ok, text)
}, { timeout: 240000 })

const ask = (args, more = []) => sextant(['call', 'run_funnel', JSON.stringify({ steps: STEPS, within: { value: 1, unit: 'hour' }, from: '2026-03-01', to: '2026-03-20', ...args }), ...more])

// What each way of counting has to say: the numbered actors, one row for each, and the one that keeps every partial run.
const WAYS = [
  ['numbers', {}],
  ['rows', { actor: 'actor' }],
  ['a split', { breakdown: ['device'] }],
  ['a search', { exclusions: ['other'], step_gaps: [{ step: 2, max_s: 600 }] }],
]

for (const [name, args] of WAYS)
  test(`over a low limit, by ${name}: the same counts, or what would help`, { skip, timeout: 240000 }, () => {
    const expected = [1, 2, 3, 4].map((step) => reached(step))
    let answered = 0
    for (const mb of [64, 100, 250, 4000]) {
      const { ok, text } = ask(args, ['--memory-mb', String(mb)])
      if (!ok) {
        const { error } = JSON.parse(text)
        assert.equal(error.code, 'limit', text)
        assert.match(error.message, /memory.*shorter period.*filter/)
        continue
      }
      const result = JSON.parse(text)
      answered = Math.max(answered, 4000 / mb)
      assert.deepEqual(result.steps.map((s) => s.count), expected, `${mb} MB`)
      assert.equal(result.steps[1].median_s, 30)
      for (const { breakdown: [device], steps } of result.breakdowns ?? [])
        assert.deepEqual(steps.map((s) => s.count), [1, 2, 3, 4].map((step) => reached(step, (u) => (u % 3 === 0) === (device === 'phone'))))
    }
    assert.ok(answered >= (name === 'numbers' ? 40 : 1), `${name}: answered at 1/${answered} of the default`)
  })

test('the text names the largest share that is lost, on one line', { skip, timeout: 60000 }, () => {
  const phone = { event: 'keep', name: 'keep\non\tphone', where: [{ field: 'device', value: 'phone' }] }
  const says = (steps) => ask({ steps }, ['--format', 'text']).text.split(' Period: ')[0]
  assert.equal(says(['see', 'pick', 'keep']), 'Step 2 → 3 (pick → keep) loses 66.7 %, 20,000 of 30,000. 10,000 of 40,000 converted (25.0 %).')
  assert.equal(says(['see', 'pay', phone]), 'Step 2 → 3 (pay → keep on phone) loses 83.3 %, 16,667 of 20,000. ' +
    'Most are lost at step 1 → 2, which loses 50.0 %, 20,000 of 40,000. 3,333 of 40,000 converted (8.3 %).')
})

test('nobody comes to the first step, though others do the rest', { skip, timeout: 60000 }, () => {
  const result = JSON.parse(ask({ steps: [{ event: 'see', where: [{ field: 'device', value: 'none' }] }, 'pick', 'pay'] }).text)
  assert.deepEqual(result.steps.map((s) => s.count), [0, 0, 0])
})

test('time to convert: the pace first, then a short table', { skip, timeout: 60000 }, () => {
  const { text } = ask({ view: 'time_to_convert', bins: 100 }, ['--format', 'text'])
  const [first, , ...table] = text.trim().split('\n')
  assert.match(first, /^Half of the 10,000 who converted \(see → keep\) took at most 2 min 30 s; the mean is 2 min 30 s, and .* 10,000 of 40,000 converted \(25\.0 %\)\./)
  assert.ok(table.length <= 14, text)
  assert.match(table.at(-1), /\| 100\.0 % \|$/)
})
