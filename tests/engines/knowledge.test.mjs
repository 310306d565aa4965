// What a team says about its source: named matchers, segments, synonyms, renamed and hidden events,
// on every shape of table and on both engines' paths.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { missing } from './endpoint_helper.mjs'
import { Shapes } from './shapes.mjs'

const skip = missing() ?? false
const COLUMNS = { user: 'String', session: 'String', plan: 'LowCardinality(String)' }

// Who did what in which minute: `pay` was called `buy` at first, and `pay_btn` for a day.
const EVENTS = [
  [0, 'view', 'ann', 'pro'], [1, 'add', 'ann', 'pro'], [2, 'buy', 'ann', 'pro'],
  [0, 'view', 'bob', 'free'], [1, 'add', 'bob', 'free'], [2, 'pay_btn', 'bob', 'free'],
  [0, 'view', 'eve', 'free'], [1, 'wish', 'eve', 'free'], [2, 'pay', 'eve', 'free'],
  [0, 'view', 'joe', 'pro'], [3, 'ping', 'joe', 'pro'], [3, 'ping', 'ann', 'pro'],
]
const rows = EVENTS.map(([minute, event, user, plan]) =>
  ({ time: `2026-03-02 10:0${minute}:00.000`, event, user, session: `s-${user}`, plan }))

const KNOWLEDGE = {
  description: 'A shop.',
  events: {
    pay: { description: 'The money is there.', synonyms: ['purchase'], renamed_from: ['buy', 'pay_btn'] },
    ping: { description: 'Liveness.', hidden: true },
  },
  fields: { plan: { description: 'What they pay for.', synonyms: ['tier'] }, service: { hidden: true } },
  matchers: { basket: ['add', 'wish'], view: { event: 'view', where: [{ field: 'plan', op: 'ne', value: 'enterprise' }] } },
  segments: { payers: { did: ['pay'] }, early: { did: [{ event: 'basket' }], filters: [{ field: 'plan', value: 'free' }] } },
}

const shapes = skip ? null : new Shapes(rows, COLUMNS, KNOWLEDGE)
after(() => shapes?.remove())

const counts = async (side, source, steps, more = {}) => {
  const { structured, text, error } = await side.call('run_funnel', { source, steps, from: '2026-03-01', to: '2026-03-03', ...more })
  assert.equal(error, undefined, `${source} ${JSON.stringify(steps)}`)
  return { counts: structured.steps.map((s) => s.count), names: structured.steps.map((s) => s.name), text, warnings: structured.meta.warnings ?? [] }
}

const ACTORS = { metric: 'actors', interval: 'day', points: true, from: '2026-03-01', to: '2026-03-03' }
const people = async (side, source, segment) => {
  const { structured, error } = await side.call('anomaly_scan', { ...ACTORS, source, segment })
  assert.equal(error, undefined, `${source} ${JSON.stringify(segment)}`)
  return structured.series.reduce((n, point) => n + point.value, 0)
}

test('the team\'s names mean what it says', { skip, timeout: 300000 }, () => shapes.onBoth(async (side, engine) => {
  for (const source of shapes.names) {
    const at = `${source}, ${engine}`
    const funnel = await counts(side, source, ['view', 'basket', 'pay'])
    assert.deepEqual([funnel.counts, funnel.names], [[4, 3, 3], ['view', 'basket', 'pay']], at)
    // A matcher with conditions of its own, among alternatives
    assert.deepEqual((await counts(side, source, [{ event: 'basket', where: [{ field: 'plan', value: 'free' }] }])).counts, [2], at)
    assert.deepEqual((await counts(side, source, [{ any_of: ['basket', 'ping'] }])).counts, [4], at)
    // Synonyms and earlier names, told
    const synonym = await counts(side, source, ['PURCHASE'], { breakdown: ['tier'] })
    assert.deepEqual(synonym.counts, [3], at)
    assert.ok(synonym.warnings.some((w) => /'PURCHASE' is read as the event 'pay'/.test(w)) && synonym.warnings.some((w) => /'tier'.*'plan'/.test(w)), at)
    assert.deepEqual((await counts(side, source, ['buy'])).counts, [3], at)
    assert.deepEqual((await counts(side, source, ['view'], { filters: [{ field: 'event', op: 'in', values: ['view', 'buy'] }] })).counts, [4], at)
    // Segments
    assert.deepEqual(await people(side, source, 'payers'), 3, at)
    assert.deepEqual(await people(side, source, { name: 'payers', did_not: ['wish'] }), 2, at)
    assert.deepEqual(await people(side, source, 'early'), 2, at)
    const wrong = await side.call('anomaly_scan', { ...ACTORS, source, segment: 'payer' })
    assert.match(wrong.error, /no segment 'payer'; did you mean 'payers'\?/, at)
    const unknown = await side.call('run_funnel', { source, steps: ['bascet'] })
    assert.match(unknown.error, /did you mean 'basket'\?/, at)
    assert.doesNotMatch(unknown.error, /ping/, at)
    // Discovery
    const list = async (more) => Object.fromEntries((await side.call('list_events', { source, ...more })).structured.events.map((e) => [e.event, e]))
    const all = await list({})
    assert.deepEqual(Object.keys(all).sort(), ['add', 'pay', 'view', 'wish'], at)
    assert.deepEqual([all.pay.count, all.pay.description, all.add.description], [3, 'The money is there.', undefined], at)
    assert.deepEqual(Object.keys(await list({ search: 'purch' })), ['pay'], at)
    assert.deepEqual(Object.keys(await list({ search: 'pin' })), [], at)
    assert.deepEqual(Object.keys(await list({ search: 'ping' })), ['ping'], at)
    const { fields } = (await side.call('describe_source', { source })).structured
    assert.equal(fields.find((f) => f.field === 'plan').description, 'What they pay for.', at)
    assert.ok(!fields.find((f) => f.field === 'event').top.some((t) => t.value === 'ping'), at)
    const complete = async (value) => (await side.request('completion/complete', { ref: { type: 'ref/prompt', name: 'why_did_it_change' },
      argument: { name: 'event', value }, context: { arguments: { source } } })).result.completion
    assert.deepEqual((await complete('p')).values, ['pay'], at)
    assert.deepEqual([(await complete('')).values.toSorted(), (await complete('')).total], [['add', 'pay', 'view', 'wish'], 4], at)
    assert.deepEqual((await complete('ping')).values, ['ping'], at)
    const { sources } = (await side.call('list_sources', {})).structured
    assert.match(sources.find((s) => s.name === source).description, /^A shop\. Named matchers: basket, view\. Named segments: /, at)
  }
}))
