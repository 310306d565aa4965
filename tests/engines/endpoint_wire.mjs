// The parts of ClickHouse's HTTP interface that need no engine: forms, limits, statuses, encodings.
import zlib from 'node:zlib'

export const FIELD_VALUE_MAX = 131072 // http_max_field_value_size
export const FIELDS_MAX = 1000 // http_max_fields
export const URL_MAX = 1048576 // http_max_uri_size

export class WireError extends Error {
  constructor(code, text) {
    super(text)
    this.code = code
  }
}

const formError = (what) =>
  new WireError(1000, `Poco::Exception. Code: 1000, e.code() = 0, HTML Form Exception: ${what}`)

function checkField(value, count) {
  if (count >= FIELDS_MAX) throw formError('Too many form fields')
  if (value.length > FIELD_VALUE_MAX) throw formError('Field value too long')
}

const decode = (text) => {
  try {
    return decodeURIComponent(text.replace(/\+/g, ' '))
  } catch {
    throw new WireError(1000, 'Poco::Exception. Code: 1000, e.code() = 0, URI syntax error')
  }
}

// [[name, value]…] in order.
export function parseQueryString(query) {
  const params = []
  for (const field of query.split('&')) {
    if (!field) continue
    const at = field.indexOf('=')
    const value = at < 0 ? '' : field.slice(at + 1)
    checkField(value, params.length)
    params.push([decode(at < 0 ? field : field.slice(0, at)), decode(value)])
  }
  return params
}

export function parseMultipart(body, boundary) {
  const parts = []
  const delimiter = Buffer.from(`--${boundary}`)
  let at = body.indexOf(delimiter)
  if (at < 0) throw formError('No boundary line found')
  for (;;) {
    at += delimiter.length
    if (body.subarray(at, at + 2).toString() === '--') return parts
    if (body.subarray(at, at + 2).toString() !== '\r\n') throw formError('Bad boundary line')
    const headerEnd = body.indexOf('\r\n\r\n', at)
    const next = body.indexOf(Buffer.concat([Buffer.from('\r\n'), delimiter]), headerEnd + 2)
    if (headerEnd < 0 || next < 0)
      throw new WireError(33, 'Code: 33. DB::Exception: Unexpected EOF, did not find the last boundary while parsing a multipart HTTP request. (CANNOT_READ_ALL_DATA)')
    const name = /name="([^"]*)"/.exec(body.subarray(at, headerEnd).toString())?.[1] ?? ''
    const value = body.subarray(headerEnd + 4, next)
    checkField(value, parts.length)
    parts.push([name, value])
    at = next + 2
  }
}

const statuses = [
  [401, [194]],
  [403, [192, 193, 516]],
  [400, [6, 25, 26, 36, 38, 41, 43, 44, 53, 62, 72, 117, 167, 168, 321, 427]],
  [404, [46, 47, 50, 60, 63, 73, 78, 81, 115]],
  [408, [159]],
  [413, [229]],
  [501, [48]],
]

export function statusOf(code) {
  return statuses.find(([, codes]) => codes.includes(code))?.[0] ?? 500
}

// A valid Zstandard frame of raw blocks: this Node may have no encoder, and the point is that the
// client asks for the method, and decodes it.
function zstdFrame(bytes) {
  const header = Buffer.alloc(13)
  header.writeUInt32LE(0xfd2fb528, 0)
  header[4] = 0b11100000 // 8-byte content size, single segment
  header.writeBigUInt64LE(BigInt(bytes.length), 5)
  const out = [header]
  const MAX = 1 << 17
  for (let at = 0; at === 0 || at < bytes.length; at += MAX) {
    const block = bytes.subarray(at, at + MAX)
    const isLast = at + MAX >= bytes.length ? 1 : 0
    const head = Buffer.alloc(3)
    head.writeUIntLE((block.length << 3) | isLast, 0, 3)
    out.push(head, block)
  }
  return Buffer.concat(out)
}

const encoders = [ // in the server's order of preference
  ['br', (b) => zlib.brotliCompressSync(b)],
  ['gzip', (b) => zlib.gzipSync(b)],
  ['deflate', (b) => zlib.deflateSync(b)],
  ['zstd', (b) => (zlib.zstdCompressSync ? zlib.zstdCompressSync(b) : zstdFrame(b))],
]

// [name, function] or null.
export function chooseEncoding(acceptEncoding) {
  const accepted = String(acceptEncoding ?? '').split(',').map((s) => s.trim().split(';')[0])
  return encoders.find(([name]) => accepted.includes(name)) ?? null
}

export function decodeBody(body, contentEncoding) {
  if (!contentEncoding) return body
  if (contentEncoding === 'gzip') return zlib.gunzipSync(body)
  if (contentEncoding === 'deflate') return zlib.inflateSync(body)
  if (contentEncoding === 'br') return zlib.brotliDecompressSync(body)
  throw new WireError(386, `Code: 386. DB::Exception: Unknown compression method ${contentEncoding}`)
}

// How an exception follows rows that were sent already, in three generations of the server.
export function exceptionBlock(style, text, tag) {
  const message = text.endsWith('\n') ? text : text + '\n'
  if (style === 'plain') return Buffer.from(message)
  if (style === 'marker') return Buffer.from(`__exception__\r\n${message}`)
  return Buffer.from(
    `\r\n__exception__\r\n${tag}\r\n${message}${Buffer.byteLength(message)} ${tag}\r\n__exception__\r\n`)
}

// name:password[:readonly[=N]]
export function parseUser(spec) {
  const [name, password = '', mode = ''] = spec.split(':')
  if (mode && !/^readonly(=[012])?$/.test(mode)) throw new Error(`--user ${spec}: name:password[:readonly[=N]]`)
  return { name, password, readonly: mode ? Number(mode.split('=')[1] ?? 1) : 0 }
}

export function credentials(req, params) {
  const get = (name) => params.find(([k]) => k === name)?.[1]
  const header = req.headers['x-clickhouse-user'] ?? req.headers['x-clickhouse-key']
  if (header !== undefined)
    return [req.headers['x-clickhouse-user'] || 'default', req.headers['x-clickhouse-key'] ?? '']
  const basic = /^Basic (.*)$/i.exec(req.headers.authorization ?? '')
  if (basic) {
    const [, user, password] = /^([^:]*):?([^]*)$/.exec(Buffer.from(basic[1], 'base64').toString())
    return [user, password]
  }
  return [get('user') ?? 'default', get('password') ?? '']
}
