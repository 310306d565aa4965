#!/usr/bin/env node
// ClickHouse's HTTP interface for tests, on chDB. Written from the server's documented behaviour
// and independent of Sextant's own client; endpoint.test.mjs proves it with @clickhouse/client.
//
//   clickhouse_endpoint.mjs --path STORE [--port 0] [--host 127.0.0.1]
//     [--user name:password[:readonly[=N]]]…   default: one user `default` without password
//     [--profile setting=value]…               defaults of every user
//     [--constraint setting=max]…               what a profile allows at most
//     [--tls-key FILE --tls-cert FILE]          HTTPS
//     [--style tagged|marker|plain]             how exceptions follow rows: 25.11, 25.3, older
//     [--inject MODE]                           for every statement but the ones a client connects with
// prints {"port": N} when it listens; ends on SIGTERM and when stdin ends (with --stdin).
//
// A statement can ask for a fault itself with a comment /*inject:MODE*/:
//   error_after_rows   the rows, then an exception, in a 200 answer
//   error_in_row       the same, in the middle of a row
//   error_in_headers   a 200 status (progress was sent), X-ClickHouse-Exception-Code, the exception
//   drop_before        the connection closes before an answer
//   drop_mid_body      … after half of the body
//   slow_headers=MS    waits
//   unavailable=N      the first N times a gateway's 503, then the answer
//   html=STATUS        a page of something that is not ClickHouse
//   redirect           302
// /__log answers with the requests so far (method, url without values, headers), /__running with
// the ids that run.
import http from 'node:http'
import https from 'node:https'
import fs from 'node:fs'
import { parseArgs } from 'node:util'
import { randomBytes, randomUUID } from 'node:crypto'
import { Engine } from './endpoint_engine.mjs'
import * as wire from './endpoint_wire.mjs'

const { values: options } = parseArgs({
  options: {
    path: { type: 'string' },
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    user: { type: 'string', multiple: true, default: ['default:'] },
    profile: { type: 'string', multiple: true, default: [] },
    constraint: { type: 'string', multiple: true, default: [] },
    'tls-key': { type: 'string' },
    'tls-cert': { type: 'string' },
    style: { type: 'string', default: 'tagged' },
    inject: { type: 'string' },
    stdin: { type: 'boolean', default: false },
  },
})
if (!options.path) {
  console.error('usage: clickhouse_endpoint.mjs --path STORE [--port 0] [--user name:password[:readonly]]…')
  process.exit(2)
}

const users = new Map(options.user.map((spec) => wire.parseUser(spec)).map((u) => [u.name, u]))
const profile = options.profile.map((p) => p.split(/=(.*)/s).slice(0, 2))
const constraints = options.constraint.map((p) => p.split('='))
const engine = new Engine(options.path)
const log = []
const injected = new Map() // statement -> times

const RESERVED = new Set(['', 'compress', 'decompress', 'user', 'password', 'quota_key', 'query_id',
  'stacktrace', 'role', 'buffer_size', 'wait_end_of_query', 'session_id', 'session_timeout',
  'session_check', 'client_protocol_version', 'close_session', 'database', 'default_format', 'query'])

const tag = () => Array.from(randomBytes(16), (b) => 'abcdefghijklmnopqrstuvwxyz'[b % 26]).join('')
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const isOn = (value) => value === '1' || value === 'true'

async function readBody(req) {
  const chunks = []
  for await (const chunk of req) chunks.push(chunk)
  return wire.decodeBody(Buffer.concat(chunks), req.headers['content-encoding'])
}

function authenticate(req, params) {
  const [name, password] = wire.credentials(req, params)
  const user = users.get(name)
  if (!user || user.password !== password)
    throw new wire.WireError(516, `Code: 516. DB::Exception: ${name}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED) (version ${engine.version})`)
  return user
}

// Everything that a request says, with settings and query parameters sorted out.
function interpret(req, body) {
  const url = req.url
  if (url.length > wire.URL_MAX) throw new wire.WireError(1000, 'URI Too Long')
  const params = wire.parseQueryString(url.split('?').slice(1).join('?'))
  const user = authenticate(req, params)
  const get = (name) => params.find(([k]) => k === name)?.[1]
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(req.headers['content-type'] ?? '')?.[1]
  const settings = []
  const bound = {}
  for (const [name, value] of params) {
    if (name.startsWith('param_')) bound[name.slice(6)] ??= value
    else if (RESERVED.has(name)) continue
    // With a form, names that end so belong to external tables and are no settings.
    else if (boundary && /_(format|types|structure)$/.test(name)) continue
    else settings.push([name, value])
  }
  let sql
  if (boundary) {
    const parts = wire.parseMultipart(body, boundary)
    for (const [name, value] of parts)
      if (name.startsWith('param_')) bound[name.slice(6)] ??= value.toString()
    sql = Buffer.concat([Buffer.from(get('query') ?? ''), ...parts.filter(([n]) => n === 'query').map(([, v]) => v)])
  } else {
    const head = get('query')
    sql = Buffer.concat([Buffer.from(head ? head + '\n' : ''), body])
  }
  for (const [name, max] of constraints) {
    const sent = settings.find(([k]) => k === name)
    if (sent && Number(sent[1]) > Number(max))
      throw new wire.WireError(452, `Code: 452. DB::Exception: Setting ${name} shouldn't be greater than ${max}. (SETTING_CONSTRAINT_VIOLATION) (version ${engine.version})`)
  }
  if (req.method === 'GET' && !user.readonly) settings.push(['readonly', '2'])
  if (get('role') && get('role') !== 'analyst')
    throw new wire.WireError(511, `Code: 511. DB::Exception: There is no role \`${get('role')}\` in user directories. (UNKNOWN_ROLE) (version ${engine.version})`)
  return {
    user, sql, bound, settings, get,
    setting: (name) => settings.find(([k]) => k === name)?.[1] ?? profile.find(([k]) => k === name)?.[1],
    id: get('query_id') || req.headers['x-clickhouse-query-id'] || randomUUID(),
    format: req.headers['x-clickhouse-format'] || get('default_format') || 'TabSeparated',
    database: req.headers['x-clickhouse-database'] || get('database') || 'default',
  }
}

function injection(sql) {
  const text = sql.toString('utf8', 0, 2000)
  const own = /\/\*inject:([a-z_]+)(?:=(\d+))?\*\//.exec(text)
  const mode = own ?? (options.inject && !/version\(\)/.test(text) ? /^([a-z_]+)(?:=(\d+))?$/.exec(options.inject) : null)
  return mode ? { mode: mode[1], value: Number(mode[2] ?? 0), sql: text } : { mode: '' }
}

// Faults that come instead of an answer. True if one came.
async function injectBefore({ mode, value, sql }, req, res) {
  if (mode === 'slow_headers') {
    await sleep(value)
  } else if (mode === 'drop_before') {
    req.socket.destroy()
    return true
  } else if (mode === 'unavailable') {
    const times = (injected.get(sql) ?? 0) + 1
    injected.set(sql, times)
    if (times <= value) {
      res.writeHead(503, { 'content-type': 'text/html' }).end('<html>503 Service Unavailable</html>')
      return true
    }
  } else if (mode === 'html') {
    res.writeHead(value, { 'content-type': 'text/html' }).end('<html>not here</html>')
    return true
  } else if (mode === 'redirect') {
    res.writeHead(302, { location: '/elsewhere' }).end()
    return true
  }
  return false
}

function headers(query, exceptionTag) {
  const all = {
    'Content-Type': 'text/plain; charset=UTF-8',
    'X-ClickHouse-Server-Display-Name': 'endpoint',
    'X-ClickHouse-Query-Id': query?.id ?? '',
    'X-ClickHouse-Timezone': 'UTC',
  }
  if (query) all['X-ClickHouse-Format'] = query.format
  if (options.style === 'tagged') all['X-ClickHouse-Exception-Tag'] = exceptionTag
  return all
}

const summary = (result, elapsed_ns) => JSON.stringify({
  read_rows: String(result?.rowsRead ?? 0), read_bytes: String(result?.bytesRead ?? 0), written_rows: '0',
  written_bytes: '0', total_rows_to_read: String(result?.rowsRead ?? 0), result_rows: '0', result_bytes: '0',
  elapsed_ns: String(elapsed_ns) })

// Writes an answer by hand, so that it can break the rules: headers one by one, a body cut anywhere.
class RawAnswer {
  constructor(req) {
    this.socket = req.socket
    this.isStarted = false
  }
  start(all) {
    if (this.isStarted) return
    this.isStarted = true
    this.socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n')
    for (const [name, value] of Object.entries(all)) this.header(name, value)
  }
  header(name, value) {
    this.socket.write(`${name}: ${value}\r\n`)
  }
  body() {
    this.socket.write('\r\n')
  }
  chunk(bytes) {
    if (bytes.length === 0) return
    this.socket.write(bytes.length.toString(16) + '\r\n')
    this.socket.write(bytes)
    this.socket.write('\r\n')
  }
  end() {
    this.socket.end('0\r\n\r\n')
  }
  cut() {
    this.socket.end()
  }
}

function sendError(res, query, error, encoding) {
  const text = error.message.includes('(version') ? error.message : `${error.message} (version ${engine.version})`
  let body = Buffer.from(text + '\n')
  const all = { ...headers(query, tag()), 'X-ClickHouse-Exception-Code': String(error.code), 'X-ClickHouse-Summary': summary(null, 0) }
  if (encoding) {
    all['Content-Encoding'] = encoding[0]
    body = encoding[1](body)
  }
  if (error.code === 194) all['WWW-Authenticate'] = 'Basic realm="ClickHouse server HTTP API"'
  res.writeHead(wire.statusOf(error.code), all).end(body)
}

// An answer that goes wrong after it has begun.
function sendBroken(raw, query, fault, bytes, encoding) {
  const exceptionTag = tag()
  const all = headers(query, exceptionTag)
  const message = `Code: 395. DB::Exception: Value passed to 'throwIf' function is non-zero: while executing 'FUNCTION throwIf(...)'. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO) (version ${engine.version})`
  const pack = (b) => (encoding ? encoding[1](b) : b)
  if (encoding) all['Content-Encoding'] = encoding[0]
  raw.start(all)
  if (fault.mode === 'error_in_headers') {
    raw.header('X-ClickHouse-Exception-Code', '395')
    raw.body()
    raw.chunk(pack(Buffer.from(message + '\n')))
    return raw.end()
  }
  raw.body()
  if (fault.mode === 'drop_mid_body') {
    raw.chunk(bytes.subarray(0, Math.ceil(bytes.length / 2)))
    return setTimeout(() => raw.socket.destroy(), 50)
  }
  const rows = fault.mode === 'error_in_row' ? bytes.subarray(0, bytes.length - 4) : bytes
  raw.chunk(pack(Buffer.concat([rows, wire.exceptionBlock(options.style, message, exceptionTag)])))
  // Since 25.3 the server breaks the chunked encoding on purpose.
  return options.style === 'plain' ? raw.end() : raw.cut()
}

async function answer(req, res, body) {
  const query = interpret(req, body)
  const encoding = isOn(query.setting('enable_http_compression') ?? '0') ? wire.chooseEncoding(req.headers['accept-encoding']) : null
  const fault = injection(query.sql)
  if (await injectBefore(fault, req, res)) return
  const raw = new RawAnswer(req)
  const started = process.hrtime.bigint()
  let timer
  let isGone = false
  const onGone = () => {
    isGone = true
    const readonly = query.user.readonly || Number(query.setting('readonly') ?? 0)
    if (readonly && isOn(query.setting('cancel_http_readonly_queries_on_client_close') ?? '0')) engine.kill(query.id)
  }
  req.socket.on('close', onGone)
  try {
    if (query.user.readonly && /^\s*kill\b/i.test(query.sql.toString('utf8', 0, 100)))
      throw new wire.WireError(164, `Code: 164. DB::Exception: ${query.user.name}: Cannot execute query in readonly mode. (READONLY)`)
    const session = engine.prepare({ profile, readonly: query.user.readonly, settings: query.settings, database: query.database })
    if (isOn(query.setting('send_progress_in_http_headers') ?? '0')) {
      timer = setInterval(() => {
        const progress = engine.progress(query.id)
        if (!progress || isGone) return
        raw.start({ ...headers(query, tag()), ...(encoding ? { 'Content-Encoding': encoding[0] } : {}) })
        raw.header('X-ClickHouse-Progress', JSON.stringify(progress))
      }, Number(query.setting('http_headers_progress_interval_ms') ?? 100))
    }
    const result = await engine.run({ session, id: query.id, user: query.user.name, sql: query.sql, params: query.bound, format: query.format })
    clearInterval(timer)
    if (isGone) return
    if (/^(error_|drop_mid)/.test(fault.mode)) return sendBroken(raw, query, fault, result.bytes, fault.mode === 'drop_mid_body' ? null : encoding)
    const total = summary(result, process.hrtime.bigint() - started)
    const bytes = encoding ? encoding[1](result.bytes) : result.bytes
    if (raw.isStarted) {
      raw.header('X-ClickHouse-Summary', total)
      raw.body()
      raw.chunk(bytes)
      return raw.end()
    }
    const all = { ...headers(query, tag()), 'X-ClickHouse-Summary': total }
    if (encoding) all['Content-Encoding'] = encoding[0]
    res.writeHead(200, all).end(bytes)
  } catch (e) {
    if (isGone) return
    clearInterval(timer)
    if (raw.isStarted) {
      raw.header('X-ClickHouse-Exception-Code', String(e.code ?? 1002))
      raw.body()
      raw.chunk(encoding ? encoding[1](Buffer.from(e.message + '\n')) : Buffer.from(e.message + '\n'))
      raw.end()
    } else {
      sendError(res, query, e, encoding)
    }
  } finally {
    clearInterval(timer)
    req.socket.off('close', onGone)
  }
}

async function handle(req, res) {
  const path = req.url.split('?')[0]
  if (path === '/__log') return res.end(JSON.stringify(log))
  if (path === '/__running') return res.end(JSON.stringify([...engine.running.entries()]))
  if (path === '/ping' || (req.method === 'GET' && req.url === '/')) return res.end('Ok.\n')
  let body
  try {
    body = await readBody(req)
  } catch {
    return req.socket.destroy() // the client left while it was sending
  }
  log.push({ method: req.method, url: req.url.slice(0, 3000), headers: req.headers, body_bytes: body.length,
    sql: body.toString('utf8', 0, 400) })
  try {
    await answer(req, res, body)
  } catch (e) {
    if (e.code === undefined) console.error(e)
    sendError(res, null, e.code === undefined ? new wire.WireError(1002, String(e)) : e, null)
  }
}

const server = options['tls-cert']
  ? https.createServer({ maxHeaderSize: 2 << 20, key: fs.readFileSync(options['tls-key']), cert: fs.readFileSync(options['tls-cert']) }, handle)
  : http.createServer({ maxHeaderSize: 2 << 20 }, handle)
server.keepAliveTimeout = 10000
server.listen(Number(options.port), options.host, () => console.log(JSON.stringify({ port: server.address().port })))

// The engine crashes in an ordinary exit with open connections.
const end = () => process.kill(process.pid, 'SIGKILL')
process.on('SIGTERM', end)
process.on('SIGINT', end)
if (options.stdin) process.stdin.on('end', end).on('error', end).resume()
