// run_funnel in little memory: it must do with that (test_chdb.c has what goes to disk), or say what
// would help. And what its text says.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { missing } from './endpoint_helper.mjs'
import { Store } from './parity_store.mjs'

const skip = missing() ?? false
const STEPS = ['see', 'pick', 'pay', 'keep']
const USERS = 50000
const BEGIN = Date.UTC(2026, 2, 2)
const store = skip ? null : new Store('funnel')
after(() => store?.remove())

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
  store.import('events.csv', 'time,event,user,device\n' + [...events()].join(''), '--source', 'shop', '--time', 'time', '--event', 'event', '--actor', 'user')
}, { timeout: 240000 })

const call = (args, ...more) => ['call', 'run_funnel', JSON.stringify({ steps: STEPS, within: { value: 1, unit: 'hour' }, from: '2026-03-01', to: '2026-03-20', ...args }), ...more]

// What each way of counting has to say: the numbered actors, one row for each, and the one that keeps every partial run;
// and the memory in which it must: twice what it needs on two cores, where 64 MB is the least that can be asked for.
const WAYS = [
  ['numbers', 128, {}],
  ['rows', 128, { actor: 'actor' }],
  ['a split', 128, { breakdown: ['device'] }],
  ['a search', 256, { exclusions: ['other'], step_gaps: [{ step: 2, max_s: 600 }] }],
]

for (const [name, enough, args] of WAYS)
  test(`over a low limit, by ${name}: the same counts; below it also what would help`, { skip, timeout: 240000 }, () => {
    const expected = [1, 2, 3, 4].map((step) => reached(step))
    for (const mb of [64, enough, 4000]) {
      const { status, stdout, stderr } = store.try(call(args, '--memory-mb', String(mb)))
      if (status !== 0 && mb < enough) {
        const { error } = JSON.parse(stderr)
        assert.equal(error.code, 'limit', stderr)
        assert.match(error.message, /memory.*shorter period.*filter/)
        continue
      }
      assert.equal(status, 0, `${mb} MB: ${stderr}`)
      const result = JSON.parse(stdout)
      assert.deepEqual(result.steps.map((s) => s.count), expected, `${mb} MB`)
      assert.equal(result.steps[1].median_s, 30)
      for (const { breakdown: [device], steps } of result.breakdowns ?? [])
        assert.deepEqual(steps.map((s) => s.count), [1, 2, 3, 4].map((step) => reached(step, (u) => (u % 3 === 0) === (device === 'phone'))))
    }
  })

test('the text names the largest share that is lost, on one line', { skip, timeout: 60000 }, () => {
  const phone = { event: 'keep', name: 'keep\non\tphone', where: [{ field: 'device', value: 'phone' }] }
  const says = (steps) => store.run(call({ steps }, '--format', 'text')).split(' Period: ')[0]
  assert.equal(says(['see', 'pick', 'keep']), 'Step 2 → 3 (pick → keep) loses 66.7 %, 20,000 of 30,000. 10,000 of 40,000 converted (25.0 %).')
  assert.equal(says(['see', 'pay', phone]), 'Step 2 → 3 (pay → keep on phone) loses 83.3 %, 16,667 of 20,000. ' +
    'Most are lost at step 1 → 2, which loses 50.0 %, 20,000 of 40,000. 3,333 of 40,000 converted (8.3 %).')
})

test('nobody comes to the first step, though others do the rest', { skip, timeout: 60000 }, () => {
  const result = JSON.parse(store.run(call({ steps: [{ event: 'see', where: [{ field: 'device', value: 'none' }] }, 'pick', 'pay'] })))
  assert.deepEqual(result.steps.map((s) => s.count), [0, 0, 0])
})

test('time to convert: the pace first, then a short table', { skip, timeout: 60000 }, () => {
  const text = store.run(call({ view: 'time_to_convert', bins: 100 }, '--format', 'text'))
  const [first, , ...table] = text.trim().split('\n')
  assert.match(first, /^Half of the 10,000 who converted \(see → keep\) took at most 2 min 30 s; the mean is 2 min 30 s, and .* 10,000 of 40,000 converted \(25\.0 %\)\./)
  assert.ok(table.length <= 14, text)
  assert.match(table.at(-1), /\| 100\.0 % \|$/)
})
