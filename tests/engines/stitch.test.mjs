// Identity stitching: what somebody did before the login counts for the user who logged in, on every
// shape of table and on both engines' paths.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { missing } from './endpoint_helper.mjs'
import { Shapes } from './shapes.mjs'

const skip = missing() ?? false
const COLUMNS = { user: 'Nullable(String)', session: 'LowCardinality(String)', plan: 'String' }

// [minute, event, session, user, plan] on the first days of March.
const EVENTS = [
  // ann looks around, logs in and buys; comes back a week later, buys before she logs in
  [0, 'view', 's1', '', ''], [1, 'add', 's1', '', 'free'], [2, 'login', 's1', 'ann', ''], [3, 'buy', 's1', 'ann', 'pro'],
  [7 * 1440, 'view', 's2', '', ''], [7 * 1440 + 1, 'buy', 's2', '', ''], [7 * 1440 + 2, 'login', 's2', 'ann', ''],
  // nobody ever logs in: the session counts for itself
  [10, 'view', 's3', '', 'free'], [11, 'buy', 's3', '', ''],
  // two users of one session: what names none is the first one's, before and between
  [20, 'view', 's4', '', ''], [21, 'login', 's4', 'bob', ''], [22, 'view', 's4', '', ''], [23, 'login', 's4', 'eve', ''], [24, 'buy', 's4', 'eve', ''],
  // a user without a session, and rows that are nobody's
  [30, 'view', '', 'joe', ''], [31, 'buy', '', 'joe', ''], [32, 'view', '', '', ''], [33, 'buy', '', '', ''],
]
const rows = EVENTS.map(([minute, event, session, user, plan]) =>
  ({ time: new Date(Date.UTC(2026, 2, 2) + minute * 60e3).toISOString().slice(0, -1).replace('T', ' '), event, session, user, plan }))

const stitched = skip ? null : new Shapes(rows, COLUMNS, { stitch: true })
const apart = skip ? null : new Shapes(rows, COLUMNS)
after(() => { stitched?.remove(); apart?.remove() })

const PERIOD = { from: '2026-03-01', to: '2026-03-31' }
const FUNNEL = { steps: ['view', 'login', 'buy'], within: { value: 1, unit: 'hour' }, ...PERIOD }
const MATRIX = { start: 'view', returning: 'buy', kind: 'first_time', interval: 'week', periods: 2, ...PERIOD, from: '2026-03-02', to: '2026-03-15' }

async function answer(side, tool, args) {
  const { structured, error } = await side.call(tool, args)
  assert.equal(error, undefined, `${tool} ${JSON.stringify(args)}`)
  return structured
}

const actorsOf = async (side, of, args, cell) =>
  (await answer(side, 'list_actors', { of, arguments: args, cell })).actors.map((a) => a.actor)

test('events before the login are the user\'s', { skip, timeout: 300000 }, () => stitched.onBoth(async (side, engine) => {
  for (const source of stitched.names) {
    const at = `${source}, ${engine}`
    const funnel = { source, ...FUNNEL }
    const { steps } = await answer(side, 'run_funnel', funnel)
    // ann, s3, bob and joe view; ann and bob log in; eve never viewed, so only ann buys
    assert.deepEqual(steps.map((s) => s.count), [4, 2, 1], at)
    assert.deepEqual(await actorsOf(side, 'run_funnel', funnel, { step: 1, outcome: 'reached' }), ['ann', 'bob', 'joe', 's3'], at)
    assert.deepEqual(await actorsOf(side, 'run_funnel', funnel, { step: 2, outcome: 'dropped' }), ['joe', 's3'], at)
    // Who logged in, told by all that they did; and what else they did without naming themselves
    const members = await answer(side, 'property_values', { source, field: 'event', segment: { did: ['login'] }, ...PERIOD })
    assert.deepEqual(Object.fromEntries(members.values.map((v) => [v.value, v.count])), { view: 4, login: 4, buy: 3, add: 1 }, at)
    const matrix = { source, ...MATRIX }
    const { cohorts } = await answer(side, 'retention_matrix', matrix)
    assert.deepEqual(cohorts[0].cells.map((c) => c.count), [4, 1], at) // ann bought anonymously a week later
    assert.deepEqual(await actorsOf(side, 'retention_matrix', matrix, { cohort: '2026-03-02', period: 1 }), ['ann'], at)
    // A value of the actor, where the actor itself is stitched
    const byPlan = await answer(side, 'run_funnel', { ...funnel, breakdown: ['actor.plan'] })
    assert.deepEqual(byPlan.breakdowns.map((b) => [b.breakdown[0], b.steps[0].count]).sort(), [['', 2], ['free', 1], ['pro', 1]], at)
    const { identity } = await answer(side, 'describe_source', { source, ...PERIOD })
    assert.deepEqual([identity.actor_coverage * 18, identity.session_coverage * 18].map(Math.round), [16, 14], at)
    const { events } = await answer(side, 'list_events', { source, ...PERIOD })
    assert.deepEqual(Object.fromEntries(events.map((e) => [e.event, e.actors])), { view: 4, login: 3, buy: 4, add: 1 }, at)
    const { summary } = await answer(side, 'open_session', { source, session: 's1' })
    assert.equal(summary.actor, 'ann', at)
  }
  const { sources } = await answer(side, 'list_sources', {})
  assert.deepEqual(sources.map((s) => s.actors), stitched.names.map(() => 5), engine)
}))

test('without stitching a session\'s anonymous events are nobody\'s', { skip, timeout: 300000 }, () => apart.onBoth(async (side, engine) => {
  for (const source of apart.names) {
    const { steps } = await answer(side, 'run_funnel', { source, ...FUNNEL })
    assert.deepEqual(steps.map((s) => s.count), [1, 0, 0], `${source}, ${engine}`)
    // The first value of the session, on all of its events
    const byPlan = await answer(side, 'run_funnel', { source, ...FUNNEL, actor: 'session', steps: ['buy'], breakdown: ['session.plan'] })
    assert.deepEqual(byPlan.breakdowns.map((b) => [b.breakdown[0], b.steps[0].count]).sort(), [['', 2], ['free', 2]], `${source}, ${engine}`)
  }
}))
