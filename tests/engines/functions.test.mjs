// The resource sextant://primitives against the SQL itself: every ClickHouse function that our
// statements use is in it, with who uses it; it names no other; each of its examples runs.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { missing, scratch, startEndpoint } from './endpoint_helper.mjs'
import { SEXTANT, environment } from './parity_store.mjs'

const skip = missing() ?? false
const root = path.join(import.meta.dirname, '..', '..')
let endpoint
before(async () => { if (!skip) endpoint = await startEndpoint() })
after(() => endpoint?.stop())

const query = async (sql) => {
  const response = await fetch(endpoint.url, { method: 'POST', body: `${sql} FORMAT JSONCompactEachRow` })
  const text = await response.text()
  assert.equal(response.status, 200, `${sql}: ${text}`)
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line))
}

const NOT_SQL = new Set(['digits']) // calls in messages and grammars

function* texts() {
  for (const name of fs.readdirSync(path.join(root, 'sql')).filter((n) => n.endsWith('.sql')))
    yield fs.readFileSync(path.join(root, 'sql', name), 'utf8').replaceAll(/^\s*--.*$/gm, '')
  for (const floor of ['sql', 'tools'])
    for (const name of fs.readdirSync(path.join(root, floor)).filter((n) => n.endsWith('.c') && n !== 'primitives.c')) {
      const source = fs.readFileSync(path.join(root, floor, name), 'utf8').replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/"\s*\n\s*"/g, '')
      for (const [, text] of source.matchAll(/"((?:[^"\\]|\\.)*)"/g)) yield text
    }
}

// The functions that the SQL calls. A name is used where a parenthesis follows it, or where it is a
// text of its own that goes in front of one.
function used(known) {
  const found = new Set()
  for (const text of texts()) {
    for (const [, name] of text.matchAll(/\b([a-zA-Z]\w*)\(/g))
      if (name === 'CAST' || name !== name.toUpperCase()) found.add(name)
    if (/^[a-z]+[A-Z]\w+$/.test(text)) found.add(text)
  }
  return [...found].filter((name) => !NOT_SQL.has(name) && known(name)).sort()
}

test('the table of functions is the truth', { skip, timeout: 120000 }, async () => {
  const names = await query('SELECT name, case_insensitive FROM system.functions')
  const exact = new Set(names.map(([name]) => name))
  const loose = new Set(names.filter(([, ignored]) => ignored).map(([name]) => name.toLowerCase()))
  const known = (name) => exact.has(name) || loose.has(name.toLowerCase())
    || ['If', 'State', 'Merge', 'Map', 'Array'].some((end) => name.endsWith(end) && known(name.slice(0, -end.length)))
  const request = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'sextant://primitives', _meta: {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} } } }
  const { stdout, stderr } = spawnSync(SEXTANT, ['stdio'], { encoding: 'utf8', env: environment(scratch('functions')), input: `${JSON.stringify(request)}\n`, timeout: 30000 })
  assert.ok(stdout, stderr)
  const { functions } = JSON.parse(JSON.parse(stdout).result.contents[0].text)
  assert.deepEqual(functions.map((f) => f.function).sort(), used(known))
  for (const f of functions) {
    assert.ok(f.used_by.length > 0 && f.used_by.every((user) => /^[a-z_ ]+$/.test(user)), f.function)
    assert.ok(f.example.includes(`${f.function}(`), f.example)
    assert.ok((await query(f.example)).length > 0, f.example)
  }
})
