// Every operator on every kind of value, against a reference in a few lines, on every shape of table
// and on both engines' paths.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { missing } from './endpoint_helper.mjs'
import { Shapes } from './shapes.mjs'

const skip = missing() ?? false

// --- the values -----------------------------------------------------------------------------------

const TEXTS = ['', 'abc', 'ABC', 'abcabc', 'Ärger', 'ärger', 'x y', "it's", 'a\\b', '{p1:String}', '%', '_', '.*', 'tab\there', 'line\nbreak', 'true', 'null', '🦊']
const NUMBERS = ['0', '-0', '5', '9', '10', '5.0', '5.', '.5', '+5', '-3', '007', '1e3', '1E3', '1000', '1e-400', '9007199254740993',
  // no numbers: words, other bases, blanks, what is too large
  'nan', 'inf', '-inf', 'Infinity', '0x10', ' 5', '5 ', '1e400', '1_000', '1,5', '--5', '1e', '+', '.', '٥']
const DATES = ['2026-03-01', '2026-03-01 10:30:00', '2026-03-01T10:30:00.250', '2026-03-01T12:00:00+02:00', '2026-03-01T10:00:00Z', '2026-03-02', '1969-12-31',
  // no dates
  '2026-02-31', '2026-03-01abc', '2026-3-1', '01/03/2026', '20260301', '1772359200']
const LISTS = ['["a","b"]', '["abc"]', '[1, 2, null]', '["it\'s \\"q\\"","[x]"]', '[]', '["2026-03-05"]', '[10]', '[true]', '[[1],[2]]',
  // no lists
  '[draft] abc', '[', '["a"', '["a"] x']
const VALUES = [...TEXTS, ...NUMBERS, ...DATES, ...LISTS]
const TAGS = [['red', 'blue'], ['red'], [], ['Blue "x"', "it's"], ['10', '9'], ['2026-03-05']]
const at = (i) => new Date(Date.UTC(2026, 2, 2) + i * 60e3).toISOString().slice(0, -1).replace('T', ' ')

const rows = VALUES.map((v, i) => ({
  time: at(i), event: 'e', user: `u${String(i).padStart(3, '0')}`, session: `s${i % 7}`, v, lc: v,
  n: i % 4 === 0 ? '' : i * 7 % 50 - 10, f: i % 5 === 0 ? '' : (i * 13 % 40) / 4, b: i % 3 === 0 ? '' : i % 2 === 0,
  d: i % 6 === 0 ? '' : at(i * 50), tags: i % 2 === 0 ? TAGS[i / 2 % TAGS.length] : '',
}))
const COLUMNS = { user: 'String', session: 'LowCardinality(String)', v: 'String', lc: 'LowCardinality(Nullable(String))', n: 'Nullable(Int32)',
  f: 'Nullable(Float64)', b: 'Nullable(Bool)', d: "Nullable(DateTime64(3, 'UTC'))", tags: 'Array(String)' }
const more = { event_properties: 'props', resource_properties: 'props' }

// --- the reference --------------------------------------------------------------------------------

const NUMBER = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/
const number = (text) => NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined
const DATE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?(Z|[+-]\d{2}:\d{2})?$/
function date(text) {
  const [, day, time = '00:00:00', zone = 'Z'] = DATE.exec(text) ?? []
  const at = day === undefined ? NaN : Date.parse(`${day}T${time}${zone}`)
  // A day that does not exist, JavaScript moves on
  return Number.isNaN(at) || !new Date(`${day}T00:00:00Z`).toISOString().startsWith(day) ? undefined : at
}
function items(text) {
  if (!text.startsWith('[')) return undefined
  try {
    return JSON.parse(text).filter((x) => x !== null).map((x) => typeof x === 'string' ? x : JSON.stringify(x))
  } catch {
    return undefined
  }
}
const order = { gt: (c) => c > 0, gte: (c) => c >= 0, lt: (c) => c < 0, lte: (c) => c <= 0 }
function compared(x, v) {
  for (const read of [number, date])
    if (read(v) !== undefined && read(x) !== undefined) return Math.sign(read(x) - read(v))
  return Buffer.compare(Buffer.from(x), Buffer.from(v))
}
const one = {
  eq: (x, v) => x === v,
  in: (x, v, values) => values.includes(x),
  contains: (x, v) => x.toLowerCase().includes(v.toLowerCase()),
  starts_with: (x, v) => x.startsWith(v),
  ends_with: (x, v) => x.endsWith(v),
  regex: (x, v) => new RegExp(v, 's').test(x),
  ...Object.fromEntries(Object.entries(order).map(([op, test]) => [op, (x, v) => x !== '' && test(compared(x, v))])),
}
const NEGATED = { ne: 'eq', not_in: 'in', not_contains: 'contains', missing: 'exists' }
function holds(text, { op, value, values }, mayBeList) {
  if (values !== undefined && (op === 'eq' || op === 'ne')) op = op === 'eq' ? 'in' : 'not_in'
  if (NEGATED[op] !== undefined) return !holds(text, { op: NEGATED[op], value, values }, mayBeList)
  const list = mayBeList ? items(text) : undefined
  if (op === 'exists') return text !== '' && list?.length !== 0
  if (list === undefined) return one[op](text, value, values)
  return list.some((x) => one[op](x, value, values)) || ((op === 'eq' || op === 'in') && one[op](text, value, values))
}

// What a shape makes of a value: the text of a number, a boolean, a list.
const textOf = (value) => value === null || value === undefined ? '' : Array.isArray(value) ? JSON.stringify(value) : String(value)

// --- the filters ----------------------------------------------------------------------------------

const ONES = ['eq', 'ne', 'contains', 'not_contains', 'starts_with', 'ends_with']
const ORDERS = Object.keys(order)
const filters = (field, ops, values) => ops.flatMap((op) => values.map((value) => ({ field, op, value })))
const BOTH = (field) => [{ field, op: 'exists' }, { field, op: 'missing' }]

const onText = (field) => [
  ...filters(field, ['eq', 'ne'], ['abc', 'ABC', '5', '5.0', "it's", 'a\\b', '{p1:String}', 'a', '1', '2', '["a","b"]', '[x]', '[]', 'it\'s "q"', '', 'tab\there', 'line\nbreak', '🦊']),
  ...filters(field, ['contains', 'not_contains'], ['BC', 'ärger', '"', 'draft', '%', '[', '5']),
  ...filters(field, ['starts_with', 'ends_with'], ['a', 'abc', '[', ']', '5', 'B']),
  ...filters(field, ['regex'], ['^abc$', '^[0-9]+$', '(?i)^ABC', '^a$', '^\\[', '.*']).map((f) => ({ ...f, value: f.value.replace('(?i)^ABC', '^[aA][bB][cC]') })),
  ...filters(field, ORDERS, ['5', '1e3', '-0.5', '0x10', 'nan', ' 5', '1e400', '1e-400', '2026-03-01', '2026-03-01T12:00:00+02:00', '2026-03-01T10:15:00Z', '2026-02-31', 'abc', 'm', '']),
  { field, op: 'in', values: ['abc', '5', 'b', '🦊', "it's"] }, { field, op: 'not_in', values: ['abc', '5', 'b', ''] },
  { field, op: 'in', values: ['nothing'] }, { field, op: 'eq', values: ['10', 'a'] }, { field, op: 'ne', values: ['10', 'a'] }, ...BOTH(field),
]
const onTyped = [
  ...filters('n', [...ORDERS, 'eq', 'ne'], ['5', '-3', '4.5', '1e1', 'abc']), ...BOTH('n'), { field: 'n', op: 'in', values: ['4', '-3', '11'] },
  ...filters('f', [...ORDERS, 'eq'], ['2.5', '0', '7', '-1']), ...BOTH('f'), ...filters('f', ['contains', 'ends_with'], ['.5', '5']),
  ...filters('b', ['eq', 'ne'], ['true', 'false']), ...BOTH('b'),
  ...filters('d', ORDERS, ['2026-03-03', '2026-03-03T02:30:00', '2026-03-03T04:30:00+02:00', '1969-12-31', '2300-01-01']), ...BOTH('d'),
  ...filters('tags', ONES, ['red', 'Blue', 'blue', "it's", '"x"', '10', 'e']), ...filters('tags', ORDERS, ['9', '2026-03-04', 'm']), ...BOTH('tags'),
  { field: 'tags', op: 'in', values: ['blue', 'green'] }, { field: 'tags', op: 'not_in', values: ['blue', 'red'] }, ...filters('tags', ['regex'], ['^re', '^Blue']),
]
// Prefixes, of whom the value is taken; and fields of the mapping.
const some = (field) => [...filters(field, ['eq', 'ne', 'contains', 'gte'], ['abc', '5', 'a']), ...BOTH(field)]
const ofMapping = [...filters('actor', ['eq', 'contains', 'gt'], ['u003', 'U00', '[']), ...filters('session', ['eq', 'ne'], ['s3']), ...filters('event', ['eq', 'in'], ['e']).map((f) => f.op === 'in' ? { ...f, values: ['e'] } : f),
  ...filters('hour', ['eq', 'gte'], ['0', '1']), ...filters('weekday', ['eq', 'lt'], ['1', '2'])]

const sorted = [...rows].sort((a, b) => a.time < b.time ? -1 : 1)
function valueOf(row, field) {
  const [, prefix, key] = /^(?:(event|resource|actor|session)\.)?(.+)$/.exec(field)
  if (prefix === 'session') return sorted.filter((r) => r.session === row.session).map((r) => textOf(r[key])).find((x) => x !== '') ?? ''
  if (prefix === 'actor') return sorted.filter((r) => r.user === row.user).map((r) => textOf(r[key])).findLast((x) => x !== '') ?? ''
  if (key === 'actor') return row.user
  if (key === 'hour') return String(Number(row.time.slice(11, 13)))
  if (key === 'weekday') return String((new Date(`${row.time.slice(0, 10)}T00:00:00Z`).getUTCDay() + 6) % 7 + 1)
  return textOf(row[key])
}
const MAPPED = new Set(['actor', 'session', 'event', 'hour', 'weekday'])
const SCALAR = new Set(['n', 'f', 'b', 'd'])
// A JSON column knows types of its own: what looks like a number in a text stays a text, but a date becomes one.
const isApart = (source, filter) => source === 'json' && !['n', 'f', 'b', 'tags'].includes(filter.field)

async function check(side, source, filter, engine) {
  const args = { source, steps: ['e'], filters: [filter], from: '2026-01-01', to: '2026-12-31', allow_unknown: true }
  const { structured, error } = await side.call('list_actors', { of: 'run_funnel', arguments: args, cell: { step: 1, outcome: 'reached' }, limit: 1000 })
  assert.equal(error, undefined, `${source}, ${engine}: ${JSON.stringify(filter)}`)
  const mayBeList = !MAPPED.has(filter.field) && !(source === 'plain' && SCALAR.has(filter.field))
  const of = (row) => source === 'json' && DATE.test(valueOf(row, filter.field)) ? undefined : valueOf(row, filter.field)
  const decided = rows.filter((row) => !isApart(source, filter) || of(row) !== undefined)
  const expected = decided.filter((row) => holds(valueOf(row, filter.field), filter, mayBeList)).map((row) => row.user)
  const known = new Set(decided.map((row) => row.user))
  const show = (users) => users.map((u) => textOf(rows.find((row) => row.user === u)[filter.field.replace(/^.*\./, '')]) || u)
  assert.deepEqual(show(structured.actors.map((a) => a.actor).filter((u) => known.has(u))), show(expected), `${source}, ${engine}: ${JSON.stringify(filter)}`)
}

const shapes = skip ? null : new Shapes(rows, COLUMNS, more)
after(() => shapes?.remove())

test('filters hold where the reference says', { skip, timeout: 900000 }, () => shapes.onBoth(async (side, engine) => {
  for (const source of shapes.names) {
    const prefixed = ['event.v', 'session.v', 'actor.v', ...(source === 'plain' ? [] : ['resource.v'])].flatMap(some)
    const all = [...onText('v'), ...(source === 'plain' ? onText('lc').filter((_, i) => i % 4 === 0) : []), ...onTyped, ...prefixed, ...ofMapping]
    // All of them on maps; elsewhere and over HTTP every so many, since the operators are the same
    const every = (source === 'map' ? 1 : 2) * (engine === 'embedded' ? 1 : 4)
    const few = all.filter((_, i) => i % every === 0)
    for (let i = 0; i < few.length; i += 4) await Promise.all(few.slice(i, i + 4).map((filter) => check(side, source, filter, engine)))
  }
}))

test('what is no text is refused by name', { skip, timeout: 60000 }, () => shapes.onBoth(async (side) => {
  const refused = async (filter) => (await side.call('run_funnel', { source: 'map', steps: ['e'], filters: [filter] })).error
  assert.match(await refused({ field: 'v', op: 'eq', value: 'a\0b' }), /filters\[0\]\.value.*NUL/)
  assert.match(await refused({ field: 'v', op: 'in', values: ['a', 'a\0b'] }), /filters\[0\]\.values\[1\].*NUL/)
  assert.match(await refused({ field: 'v', op: 'gt' }), /filters\[0\]\.value.*needs a value/)
  assert.match(await refused({ field: 'v', op: 'in' }), /filters\[0\]\.values.*needs values/)
  assert.match(await refused({ field: 'v', op: 'regex', value: '(' }), /filters\[0\]\.value.*regular expression/)
}))
