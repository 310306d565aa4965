// The same events in tables of every shape that a source may have (a map, a JSON column, text that
// holds JSON, plain columns), asked over both engines' paths: the embedded store, and a server.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { scratch, startEndpoint } from './endpoint_helper.mjs'
import { Side } from './parity_store.mjs'

const here = import.meta.dirname
const DATABASE = 'shapes'

const text = (value) => `'${String(value).replace(/[\\']/g, '\\$&').replace(/\0/g, '\\0')}'`
const map = (o) => `map(${Object.entries(o).flatMap(([k, v]) => [text(k), text(v)]).join(', ')})`
const mapOf = (o) => Object.keys(o).length > 0 ? map(o) : "CAST(map(), 'Map(String, String)')"

// Properties without a value are absent; `columns` are those of the plain table: {key: type}.
const present = (row, skip) => Object.fromEntries(Object.entries(row).filter(([k, v]) => !skip.includes(k) && v !== null && v !== ''))
const plainValue = (value, type) => value === null || value === undefined || value === ''
  ? (/Nullable/.test(type) ? 'NULL' : /^Array/.test(type) ? '[]' : "''") : Array.isArray(value) ? `[${value.map(text).join(', ')}]` : `CAST(${text(value)}, ${text(type)})`

// {shape: {columns: DDL, row: SQL of one row's tuple, mapping}}
function shapes(columns) {
  const base = (props) => ({
    columns: `at DateTime64(3, 'UTC'), name LowCardinality(String), props ${props}`,
    mapping: { time: 'at', event: 'name', session: "props['session']", actor: ["props['user']"], properties: ['props'] },
  })
  const head = (row) => `${text(row.time)}, ${text(row.event)}`
  const json = (row) => text(JSON.stringify(present(row, ['time', 'event'])))
  return {
    // With an index of the keys, which tells that the others are not there.
    map: {
      columns: `${base('Map(LowCardinality(String), String)').columns}, none Map(String, String),
        INDEX keys mapKeys(props) TYPE bloom_filter(0.01) GRANULARITY 1, INDEX \`no keys\` mapKeys(none) TYPE bloom_filter GRANULARITY 1`,
      mapping: { ...base('').mapping, actor: ["props['account']", "props['user']", "none['user']"], properties: ['props', 'none'] },
      row: (row) => `(${head(row)}, ${mapOf(Object.fromEntries(Object.entries(present(row, ['time', 'event'])).map(([k, v]) => [k, Array.isArray(v) ? JSON.stringify(v) : v])))}, ${mapOf({})})`,
    },
    json: { ...base('JSON'), row: (row) => `(${head(row)}, ${json(row)})` },
    text: { ...base('String'), row: (row) => `(${head(row)}, ${json(row)})` },
    plain: {
      columns: `at DateTime64(3, 'UTC'), name LowCardinality(String), ${Object.entries(columns).map(([k, type]) => `\`${k}\` ${type}`).join(', ')}`,
      row: (row) => `(${head(row)}, ${Object.entries(columns).map(([k, type]) => plainValue(row[k], type)).join(', ')})`,
      mapping: { time: 'at', event: 'name', session: 'session', actor: 'user', properties: [] },
    },
  }
}

export class Shapes {
  // `columns` of the plain table, `user` and `session` among them; `more` of every mapping.
  constructor(rows, columns, more = {}) {
    this.folder = scratch('shapes')
    this.data = path.join(this.folder, 'store')
    const statements = [`CREATE DATABASE ${DATABASE}`]
    const sources = {}
    for (const [name, shape] of Object.entries(shapes(columns))) {
      statements.push(`CREATE TABLE ${DATABASE}.${name} (${shape.columns}) ENGINE = MergeTree ORDER BY at`)
      for (let i = 0; i < rows.length; i += 500)
        statements.push(`INSERT INTO ${DATABASE}.${name} VALUES ${rows.slice(i, i + 500).map(shape.row).join(', ')}`)
      sources[name] = { database: DATABASE, table: name, ...shape.mapping, ...more }
    }
    this.names = Object.keys(sources)
    this.#load(statements)
    this.config = path.join(this.folder, 'config.json')
    fs.writeFileSync(this.config, JSON.stringify({ sources }))
  }

  #load(statements) {
    const file = path.join(this.folder, 'statements.json')
    fs.mkdirSync(this.data, { recursive: true, mode: 0o700 })
    fs.writeFileSync(file, JSON.stringify(statements))
    const run = spawnSync(process.execPath, [path.join(here, '../oracles/load_rows.mjs'), this.data, file], { encoding: 'utf8', timeout: 240000 })
    assert.equal(run.status, 0, run.stderr)
  }

  // Asks on both paths, one after the other: the store has one owner at a time.
  async onBoth(ask) {
    await this.#as('embedded', {}, ['--data', this.data], ask)
    const endpoint = await startEndpoint(['--path', path.join(this.data, 'engine')])
    const env = { CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: String(endpoint.port), CLICKHOUSE_SECURE: 'false', CLICKHOUSE_DATABASE: DATABASE }
    try {
      await this.#as('server', env, [], ask)
    } finally {
      await endpoint.stop()
    }
  }

  async #as(engine, env, flags, ask) {
    const side = new Side(this.folder, env, [...flags, '--config', this.config])
    try {
      await ask(side, engine)
    } finally {
      await side.close()
    }
  }

  remove() {
    fs.rmSync(this.folder, { recursive: true, force: true })
  }
}
