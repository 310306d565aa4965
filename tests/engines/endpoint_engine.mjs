// The engine below clickhouse_endpoint.mjs: chDB through its npm binding, one connection per
// statement, each statement on a thread of libuv's pool, KILL and system.processes by query_id.
import { createRequire } from 'node:module'
import path from 'node:path'

const require = createRequire(import.meta.url)
const { Session } = require('chdb')
// The addon itself takes parameters in the escaped text form of the HTTP interface; the binding's
// wrappers would escape them a second time.
const native = require(path.join(path.dirname(require.resolve('chdb')), 'dist/loader.js')).loadNative()

const ID = "extract(query, '^/[*]qid:([^*]*)[*]/')"
const BARE = "replaceRegexpOne(query, '^/[*]qid:[^*]*[*]/', '')"
// What a server's system.processes shows: the id that the client chose, the text that it sent.
const PROCESSES = `(SELECT * REPLACE(if(${ID} = '', query_id, ${ID}) AS query_id, ${BARE} AS query)
  FROM system.processes)`

export class EngineError extends Error {
  constructor(text) {
    const at = text.indexOf('Code: ')
    super(at >= 0 ? text.slice(at) : text)
    this.code = Number(/Code: (\d+)/.exec(text)?.[1] ?? 1002)
  }
}

const quote = (text) => `'${String(text).replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`
const identifier = (name) => '`' + String(name).replace(/\\/g, '\\\\').replace(/`/g, '\\`') + '`'

function attempt(run) {
  try {
    return run()
  } catch (e) {
    throw new EngineError(e.message)
  }
}

export class Engine {
  #store
  #control
  running = new Map() // query_id -> {user, sql}

  constructor(store) {
    this.#store = store
    this.#control = new Session(store)
    this.version = this.#control.query('SELECT version()', 'TabSeparatedRaw').trim()
  }

  control(sql, format = 'TabSeparatedRaw') {
    return attempt(() => this.#control.query(sql, format))
  }

  kill(id) {
    this.control(`KILL QUERY WHERE ${ID} = ${quote(id)} ASYNC`)
  }

  progress(id) {
    const line = this.control(
      `SELECT read_rows, read_bytes, total_rows_approx, toUInt64(elapsed * 1e9) FROM system.processes WHERE ${ID} = ${quote(id)}`)
    const [read_rows, read_bytes, total_rows_to_read, elapsed_ns] = line.trim().split('\t')
    return line ? { read_rows, read_bytes, total_rows_to_read, elapsed_ns } : null
  }

  // A connection with the profile and the request's settings on it, as a server's query context.
  prepare({ profile, readonly, settings, database }) {
    const session = attempt(() => new Session(this.#store))
    try {
      const set = (entries) => {
        if (entries.length)
          attempt(() => session.query('SET ' + entries.map(([k, v]) => `${k} = ${quote(v)}`).join(', ')))
      }
      for (const [name] of [...profile, ...settings]) {
        if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
          throw new EngineError(`Code: 115. DB::Exception: Unknown setting '${name}'. (UNKNOWN_SETTING)`)
      }
      set(profile)
      if (readonly)
        set([['readonly', readonly]])
      attempt(() => session.query(`USE ${identifier(database)}`))
      set(settings)
    } catch (e) {
      session.close()
      throw e
    }
    return session
  }

  // Returns {bytes, rowsRead, bytesRead}; `sql` is a Buffer.
  async run({ session, id, user, sql, params, format }) {
    if (this.running.has(id))
      throw new EngineError(`Code: 216. DB::Exception: Query with id = ${id} is already running. (QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)`)
    this.running.set(id, { user, sql: sql.toString('utf8', 0, 500) })
    try {
      const marker = `/*qid:${id}*/`
      const head = sql.toString('utf8', 0, 4000).replace(/^(\s|\/\*[^]*?\*\/)+/, '')
      if (/^insert\b/i.test(head) && /\bformat\s+\w+/i.test(head) && !/\bselect\b/i.test(head)) {
        const done = await native.InsertRawAsyncConnection(session.connection, marker, sql, false)
        return { bytes: Buffer.alloc(0), rowsRead: done.rowsWritten, bytesRead: done.bytesWritten }
      }
      let text = sql.toString('utf8')
      // At once and not on the pool, all of whose threads may be busy with what is to be killed.
      if (/^kill\s+query\b/i.test(head)) {
        const rows = native.QueryWithParamsConnection(session.connection, text.replace(/\bquery_id\b/g, ID), format, params)
        return { bytes: Buffer.from(rows), rowsRead: 0, bytesRead: 0 }
      }
      text = text.replace(/\bsystem\.processes\b/g, PROCESSES)
      return await native.QueryAsyncConnection(session.connection, marker + text, format, params)
    } catch (e) {
      throw e instanceof EngineError ? e : new EngineError(e.message)
    } finally {
      this.running.delete(id)
      session.close()
    }
  }
}
