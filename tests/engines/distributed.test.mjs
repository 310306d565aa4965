// A Distributed table over two shards, on both of which every session has events, answers like one
// table with the same rows: no join and no IN asks a shard for what only all of them know. The
// embedded engine plays both shards and cannot have a database for each: both read a view, which
// shows each of them every other event of a session.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { dbCli, missing, scratch } from './endpoint_helper.mjs'
import { Side } from './parity_store.mjs'

const skip = missing() ?? (process.env.SEXTANT_DB_CLI ? false : 'SEXTANT_DB_CLI does not name db_cli')
const shard = (host) => `<shard><replica><host>${host}</host><port>9000</port></replica></shard>`
const CLUSTER = `<clickhouse><tcp_port>9000</tcp_port><remote_servers><two>${shard('127.0.0.1')}${shard('localhost')}</two></remote_servers></clickhouse>`
const COLUMNS = "at DateTime64(6, 'UTC'), name LowCardinality(String), seq UInt64, user String, session String, plan String, amount Float64, props Map(String, String)"
// 200 users in 500 sessions; one event in three names its user. Times are all different.
const ROWS = `SELECT fromUnixTimestamp64Micro(toInt64(1772323200000000 + number * 600000000 + 7 * number)), ['view', 'view', 'add', 'pay', 'help'][1 + cityHash64(number) % 5],
  number, if(number % 3 = 0, concat('u', toString(cityHash64(number % 500) % 200)), ''), concat('s', toString(number % 500)), ['', 'free', 'pro'][1 + cityHash64('p', number) % 3],
  number % 97, map('device', ['phone', 'desk', 'tv'][1 + cityHash64('d', number % 500) % 3], 'page', concat('/p', toString(cityHash64('g', number) % 40))) FROM numbers(3000)`
const STATEMENTS = [
  'CREATE DATABASE shop',
  ...['', '_stitched'].flatMap((kind) => [ // a source is a table
    `CREATE TABLE shop.whole${kind} (${COLUMNS}) ENGINE = MergeTree ORDER BY at`, `INSERT INTO shop.whole${kind} ${ROWS}`,
    `CREATE TABLE shop.spread${kind} (${COLUMNS}) ENGINE = Distributed('two', 'shop', 'part')`,
  ]),
  'CREATE VIEW shop.part AS SELECT * FROM shop.whole WHERE intDiv(seq, 500) % 2 = shardNum() - 1',
]
const mapping = (table) => ({ database: 'shop', table, time: 'at', event: 'name', order: 'seq', actor: ['user'], session: 'session', properties: ['props'], stitch: table.endsWith('stitched') })

let folder, flags
before(async () => {
  if (skip) return
  folder = scratch('distributed')
  const data = path.join(folder, 'store'), config = path.join(folder, 'config.json')
  fs.mkdirSync(path.join(data, 'engine.d'), { recursive: true, mode: 0o700 })
  fs.chmodSync(data, 0o700)
  fs.writeFileSync(path.join(data, 'engine.d', 'cluster.xml'), CLUSTER) // merged with the store's own engine.xml
  const { results } = await dbCli({ engine: 'chdb', options: { store: data }, statements: STATEMENTS.map((sql) => ({ sql, is_write: true })) })
  for (const result of results) assert.equal(result.err, undefined, result.err?.raw)
  const sources = Object.fromEntries(['whole', 'spread', 'whole_stitched', 'spread_stitched'].map((table) => [table, mapping(table)]))
  fs.writeFileSync(config, JSON.stringify({ sources }))
  flags = ['--data', data, '--config', config]
})
after(() => folder && fs.rmSync(folder, { recursive: true, force: true }))

const DID = { did: [{ event: 'pay', min_times: 2 }], did_not: ['help'] }
const FUNNEL = { steps: ['view', 'add', 'pay'], within: { value: 3, unit: 'day' } }
const CALLS = [
  ['describe_source', {}], ['list_events', {}], ['property_values', { field: 'page' }], ['property_values', { field: 'actor.plan', segment: DID }],
  ['data_quality', {}], ['usage_report', {}], ['user_journey', { actor_id: 'u7' }],
  ['run_trend', { series: ['view', { event: 'pay', math: 'sum', field: 'amount' }], interval: 'day', breakdown: ['page'], breakdown_limit: 3 }],
  ['run_trend', { series: [{ event: 'view', math: 'weekly_actors' }, { event: 'pay', math: 'first_time' }], interval: 'day', breakdown: ['actor.plan'], compare: 'previous' }],
  ['run_trend', { series: [{ event: 'pay', math: 'actors' }], segment: DID, breakdown: ['device'] }],
  ['run_funnel', { ...FUNNEL, breakdown: ['actor.plan'] }], ['run_funnel', { ...FUNNEL, order: 'strict', segment: DID, actor: 'session' }],
  ['run_funnel', { ...FUNNEL, order: 'unordered', breakdown: ['page'], breakdown_limit: 2 }], ['run_funnel', { ...FUNNEL, view: 'trend', interval: 'week' }],
  ['explain_funnel', { ...FUNNEL, step: 3 }],
  ['retention_matrix', { start: 'view', returning: 'pay', interval: 'day', breakdown: ['actor.plan'] }], ['retention_matrix', { start: 'view', kind: 'first_time', segment: DID }],
  ['lifecycle', { interval: 'week' }], ['stickiness', { interval: 'day', segment: DID }],
  ['run_paths', { node: 'event', segment: DID }], ['run_paths', { node: 'page', edge_limit: 5 }],
  ['compare_groups', { a: { did: ['pay'] }, b: { did: ['help'], did_not: ['pay'] } }],
  ...['last', 'nearest', 'markov'].map((model) => ['attribute_conversions', { conversion: 'pay', touch: 'view', field: 'page', model, breakdown_limit: 5 }]),
  ['anomaly_scan', { metric: 'event_count', interval: 'hour', by: 'page', points: true }],
  ['anomaly_scan', { metric: 'series', interval: 'raw', by: 'page', series: { event: 'pay', math: 'sum', field: 'amount' }, points: true }],
  ['list_actors', { of: 'run_paths', arguments: { node: 'page', edge_limit: 5 }, cell: { step: 1, from: '(other)', to: '(other)' } }],
  ['list_actors', { of: 'attribute_conversions', arguments: { conversion: 'pay', touch: 'view', field: 'page', breakdown_limit: 5 }, cell: { value: '(other)' } }],
  ['list_actors', { of: 'run_trend', arguments: { series: [{ event: 'view', math: 'actors' }], breakdown: ['page'], breakdown_limit: 3 }, cell: { time: '2026-03-10', breakdown: ['(other)'] } }],
]

async function ask(side, source, tool, args) {
  const named = tool === 'list_actors' ? { ...args, arguments: { source, ...args.arguments } } : { source, ...args }
  const { structured, error } = await side.call(tool, named)
  assert.equal(error, undefined, `${tool} ${JSON.stringify(named)}`)
  return JSON.parse(JSON.stringify({ ...structured, meta: undefined }).replaceAll(`"${source}"`, '"source"'),
    (_, value) => typeof value === 'number' ? Number(value.toPrecision(9)) : value)
}

async function compare(kind, calls) {
  const side = new Side(folder, {}, flags)
  for (const [tool, args] of calls)
    assert.deepEqual(await ask(side, `spread${kind}`, tool, args), await ask(side, `whole${kind}`, tool, args), `${tool} ${JSON.stringify(args)}`)
  await side.close()
}

test('shards answer like one table', { skip, timeout: 300000 }, () => compare('', CALLS))

test('users are stitched over all shards', { skip, timeout: 300000 }, () =>
  compare('_stitched', CALLS.filter(([tool]) => /^(user_journey|run_funnel|retention_matrix|compare_groups)$/.test(tool))))
