// data_quality finds what was planted, with its figures, and nothing in clean data: on every shape
// of table and on both engines' paths.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { missing } from './endpoint_helper.mjs'
import { random, Store } from './parity_store.mjs'
import { Shapes } from './shapes.mjs'

const skip = missing() ?? false
const COLUMNS = { user: 'String', session: 'String', plan: 'String', amount: 'String', code: 'String' }
const DAY = 86400e3, BEGIN = Date.UTC(2026, 2, 2), DAYS = 12
const PERIOD = { from: '2026-03-02', to: '2026-03-13' } // whole days: the last quarter begins on the 11th
const at = (ms) => new Date(ms).toISOString().slice(0, -1).replace('T', ' ')

// Twelve events an hour, half of them with a value that is a number.
function* clean() {
  for (let hour = 0; hour < DAYS * 24; hour += 1)
    for (let n = 0; n < 12; n += 1)
      yield { ms: BEGIN + hour * 3600e3 + n * 300e3 + hour, event: n % 3 === 0 ? 'pay' : 'view', user: `u${(hour + n) % 40}`, session: `s${hour}-${n % 4}`,
        plan: 'pro', amount: n % 3 === 0 ? String(n * 10 + hour / 10) : '', code: String(100 + n) }
}

function* dirty() {
  const last = BEGIN + 9 * DAY
  let i = 0
  for (const row of clean()) {
    i += 1
    const hour = Math.floor((row.ms - BEGIN) / 3600e3)
    if (hour >= 5 * 24 + 3 && hour < 5 * 24 + 7) continue // four hours without anything: 48 events
    if (row.event === 'view' && row.ms >= last) row.plan = ''
    if (row.event === 'pay' && row.ms >= last) row.amount = `EUR ${row.amount}`
    if (row.event === 'pay') row.code = `c${row.code}`
    if (row.event === 'pay' && i % 10 === 1) row.user = ''
    yield row
    if (row.event === 'view' && row.user !== '' && i % 100 === 2) yield row // twice
  }
  for (let n = 0; n < 60; n += 1) yield { ms: BEGIN + n * 3600e3 + 7e3, event: n < 40 ? 'addToCart' : 'add_to_cart', user: 'u1', session: `a${n}`, plan: 'pro' }
  for (let n = 0; n < 4; n += 1) yield { ms: BEGIN + n * DAY + 9e3, event: 'add_to_card', user: 'u2', session: `b${n}`, plan: 'pro' }
  for (let n = 0; n < 4; n += 1) yield { ms: BEGIN + n * DAY + 11e3, event: 'resume', user: 'u3', session: 'long', plan: 'pro' }
  for (let n = 0; n < 3; n += 1) yield { ms: Date.UTC(2090, 0, 1) + n * DAY, event: 'view', user: 'u4', session: `f${n}`, plan: 'pro' }
  for (let n = 0; n < 2; n += 1) yield { ms: n * 1000, event: 'view', user: 'u5', session: `p${n}`, plan: 'pro' }
}
const rowsOf = (rows) => [...rows].map(({ ms, ...row }) => ({ time: at(ms), ...row }))
const dirtyRows = rowsOf(dirty())

const bad = skip ? null : new Shapes(dirtyRows, COLUMNS)
const good = skip ? null : new Shapes(rowsOf(clean()), COLUMNS)
after(() => { bad?.remove(); good?.remove() })

const inPeriod = dirtyRows.filter((row) => row.time >= '2026-03-02' && row.time < '2026-03-14')
const count = (test) => inPeriod.filter(test).length
const seen = new Set(), repeated = inPeriod.filter((row) => { const key = JSON.stringify(row); return seen.has(key) || (seen.add(key), false) }).length
const nobody = count((row) => row.event === 'pay' && row.user === '')

// [kind, field, what the evidence must say]
const EXPECTED = [
  ['gaps', 'time', /^0 events from 2026-03-07T03:00:00Z to 2026-03-07T07:00:00Z, where about 48 are usual\.$/],
  ['duplicates', 'view', new RegExp(`^${repeated} of the events 'view' \\(.*up to 2 of a kind`)],
  ['similar_names', 'add_to_cart', /^'addToCart' \(40 events\) and 'add_to_cart' \(20\) differ only in case/],
  ['similar_names', 'add_to_card', /^'add_to_cart' \(20 events\) and 'add_to_card' \(4\) differ in a letter/],
  ['nulls', 'actor', new RegExp(`^${nobody} events lack the actor that others of the same name have: 'pay' 10`)],
  ['nulls', 'plan', /^'plan' is on 0(\.0)? % of the events 'view' since 2026-03-11T00:00:00Z, before on 100(\.0)? %/],
  ['clock', 'time', /^3 events lie in the future, the last at 2090-01-03T00:00:00Z/],
  ['clock', 'time', /^2 events lie before 2000, the first at 1970-01-01T00:00:00Z/],
  ['clock', 'session', /^1 of \d[\d,]* sessions lasts longer than a day; 'long' lasts 3 d/],
  ['schema', 'amount', /^'amount' of 'pay' was a number and is a text in the last quarter of the period, like 'EUR /],
  ['schema', 'code', /^'code' is a number on 'view' and a text on 'pay', like 'c1/],
]

const issuesOf = async (side, args) => {
  const { structured, text, error } = await side.call('data_quality', { ...PERIOD, ...args })
  assert.equal(error, undefined, JSON.stringify(args))
  return { ...structured, text }
}

test('what was planted is found', { skip, timeout: 300000 }, () => bad.onBoth(async (side, engine) => {
  for (const source of bad.names) {
    const { issues, text } = await issuesOf(side, { source })
    const show = issues.map((i) => `${i.kind} ${i.severity} ${i.field}: ${i.evidence}`).join('\n')
    for (const [kind, field, says] of EXPECTED)
      assert.ok(issues.some((i) => i.kind === kind && i.field === field && says.test(i.evidence)), `${source}, ${engine}: no ${kind} ${field} ${says} in\n${show}`)
    const order = issues.map((i) => ['high', 'medium', 'low'].indexOf(i.severity))
    assert.deepEqual(order, [...order].sort(), `${source}, ${engine}: worst first\n${show}`)
    assert.equal(issues.length, EXPECTED.length, `${source}, ${engine}: nothing else\n${show}`)
    assert.match(text, /^11 issues \(\d high, /)
    // A check, a part of the events, a page
    const clock = await issuesOf(side, { source, checks: ['clock'], limit: 1 })
    assert.deepEqual([clock.issues.length, clock.issues[0].kind, clock.cursor], [1, 'clock', 'o1'], `${source}, ${engine}`)
    assert.deepEqual((await issuesOf(side, { source, checks: ['clock'], cursor: 'o1' })).issues.length, 2)
    const one = await issuesOf(side, { source, checks: ['nulls', 'similar_names'], filters: [{ field: 'event', value: 'view' }] })
    assert.deepEqual(one.issues.map((i) => i.field), ['plan'], `${source}, ${engine}`)
  }
}))

test('clean data has no issue', { skip, timeout: 300000 }, () => good.onBoth(async (side, engine) => {
  for (const source of good.names) assert.deepEqual((await issuesOf(side, { source })).issues, [], `${source}, ${engine}`)
}))

// One call over a file of (time, event, actor).
function askOnce(lines, args) {
  const store = new Store('names')
  try {
    store.import('names.csv', ['time,event,actor', ...lines].join('\n'), '--source', 'names', '--time', 'time', '--event', 'event', '--actor', 'actor')
    return JSON.parse(store.run(['call', 'data_quality', JSON.stringify(args)]))
  } finally { store.remove() }
}

// 1,700 names on 30 days are more rows than are read: the name that the limit falls into has no gap.
test('a cut list of names shows no gap', { skip, timeout: 300000 }, () => {
  const lines = []
  for (let name = 0; name < 1700; name += 1)
    for (let day = 0; day < 30; day += 1)
      for (let n = 0; n < 12; n += 1) lines.push(`${at(BEGIN + day * DAY + n * 2 * 3600e3)},e${name},u${n}`)
  const { issues, meta } = askOnce(lines, { from: '2026-03-02', to: '2026-03-31', checks: ['gaps'] })
  assert.deepEqual([issues, meta.truncated.reason, meta.truncated.limit], [[], 'rows', 50000])
})

// Nine events a visit, visits at random: an hour without any is nothing, a day without any is.
test('visits that come at random have no gap', { skip, timeout: 300000 }, () => {
  const pick = random(7)
  const visits = Array.from({ length: 1100 }, () => BEGIN + pick(30 * DAY))
  const lines = (all) => all.flatMap((ms, i) => Array.from({ length: 9 }, (_, n) => `${at(ms + n * 40e3)},e${n},u${i % 90}`))
  const args = { from: '2026-03-02', to: '2026-03-31', checks: ['gaps'] }
  assert.deepEqual(askOnce(lines(visits), args).issues, [])
  const [from, to] = [BEGIN + 17 * DAY, BEGIN + 19 * DAY]
  const { issues } = askOnce(lines(visits.filter((ms) => ms < from || ms > to)), args)
  assert.ok(issues.length > 0)
  for (const { evidence } of issues) {
    const [, begin, end] = evidence.match(/ from (\S+) to (\S+), /)
    assert.ok(Date.parse(begin) >= from - 3600e3 && Date.parse(end) <= to + 3600e3, evidence)
  }
})

// The evidence shows a part of a long name, which may end within a character.
test('long names are told', { skip, timeout: 300000 }, () => {
  const names = ['a', 'a', 'A'].map((first) => first + 'ü'.repeat(60))
  const { issues } = askOnce(names.map((name, i) => `${at(BEGIN + i * 1000)},${name},u1`), { checks: ['similar_names'] })
  assert.deepEqual(issues.map((i) => i.field), [names[2]])
  assert.match(issues[0].evidence, /differ only in case and punctuation/)
})

test('no event in the period is no clean data', { skip, timeout: 300000 }, () => good.onBoth(async (side) => {
  const [source] = good.names
  const none = [{ from: '2030-01-01', to: '2030-01-02' }, { filters: [{ field: 'plan', value: 'none' }] }, { segment: { did: [{ event: 'pay', min_times: 1e6 }] } }]
  for (const args of none) {
    const { issues, text } = await issuesOf(side, { source, ...args })
    assert.deepEqual(issues, [])
    assert.match(text, /^Nothing could be checked: no event.* lies in this period; the data of the source are from 2026-03-02T00:00:00Z to 2026-03-13T/)
  }
  // Of a segment, those of its actors alone
  const rows = [...clean()], pays = (user) => rows.filter((row) => row.event === 'pay' && row.user === user).length
  const few = rows.filter((row) => pays(row.user) < 29).length
  assert.ok(few > 0 && few < 3456)
  for (const [args, events] of [[{}, 3456], [{ segment: { did_not: [{ event: 'pay', min_times: 29 }] } }, few]])
    assert.match((await issuesOf(side, { source, ...args, checks: ['duplicates'] })).text, new RegExp(`^No issue found in ${events.toLocaleString('en')} events\\.`))
}))

test('a source that maps no actor is clean, too', { skip, timeout: 300000 }, async () => {
  const nameless = new Shapes(rowsOf(clean()), COLUMNS, { actor: [] })
  try {
    await nameless.onBoth(async (side, engine) => {
      for (const source of nameless.names) assert.match((await issuesOf(side, { source })).text, /^No issue found in 3,456 events\./, `${source}, ${engine}`)
    })
  } finally { nameless.remove() }
})

// 21 names are there twice, and 501 names are more than are compared.
test('what is cut is told', { skip, timeout: 300000 }, () => {
  const lines = []
  for (let name = 0; name < 501; name += 1)
    for (let n = 0; n < (name < 21 ? 2 : 1); n += 1) lines.push(`${at(BEGIN + name * 1000)},${String(name * 7919).repeat(3)},u1`)
  const { issues, meta } = askOnce(lines, { checks: ['duplicates', 'similar_names'] })
  assert.equal(issues.filter((i) => i.kind === 'duplicates').length, 20)
  for (const says of [/^only the first 20 event names with duplicates/, /^only the first 500 event names/])
    assert.ok(meta.warnings.some((w) => says.test(w)), meta.warnings.join('\n'))
  assert.equal(meta.truncated.reason, 'rows')
})

// Thousands of names of one day in a period of years: they cannot have a gap and cost nothing.
test('gaps of many names over many years', { skip, timeout: 300000 }, () => {
  const lines = []
  const put = (name, day) => { for (let n = 0; n < 20; n += 1) lines.push(`${at(BEGIN + day * DAY + n * 1000)},${name},u${n}`) }
  for (let day = -4000; day < 0; day += 1) if (day !== -1000) put('dense', day)
  for (let name = 0; name < 1000; name += 1) put(`n${name}`, -3990)
  const { issues } = askOnce(lines, { from: '2000-01-01', checks: ['gaps'] })
  assert.deepEqual(issues.map((i) => i.field), ['time'])
  assert.match(issues[0].evidence, /^0 events from 2023-06-06T00:00:00Z to 2023-06-07T00:00:00Z, where about 20 are usual/)
})
