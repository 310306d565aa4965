// A real ClickHouse server, the old one that Debian packages (18.16): connection, authentication,
// errors, and that it is told to be too old. Nothing is installed here: without the binary it skips.
import { test, before, after } from 'node:test'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { createHash } from 'node:crypto'
import { spawn } from '../children.mjs'
import { dbCli, scratch } from './endpoint_helper.mjs'

const binary = ['/usr/sbin/clickhouse-server', '/usr/bin/clickhouse-server'].find((p) => fs.existsSync(p))
const skip = !binary ? 'no clickhouse-server: install the package of that name'
  : !process.env.SEXTANT_DB_CLI ? 'SEXTANT_DB_CLI does not name db_cli' : false
let dir, server, port, tcpPort

const free = () => new Promise((resolve) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port: number } = probe.address()
    probe.close(() => resolve(number))
  })
})
const user = (name, password, profile) =>
  `<${name}><password_sha256_hex>${createHash('sha256').update(password).digest('hex')}</password_sha256_hex>
   <networks><ip>127.0.0.1</ip></networks><profile>${profile}</profile><quota>default</quota></${name}>`

async function start() {
  dir = scratch('old-server')
  port = await free()
  tcpPort = await free()
  for (const sub of ['data', 'tmp', 'log', 'format_schemas']) fs.mkdirSync(path.join(dir, sub))
  fs.writeFileSync(path.join(dir, 'config.xml'), `<yandex>
    <logger><level>warning</level><log>${dir}/log/log</log><errorlog>${dir}/log/errors</errorlog></logger>
    <http_port>${port}</http_port><tcp_port>${tcpPort}</tcp_port><listen_host>127.0.0.1</listen_host>
    <path>${dir}/data/</path><tmp_path>${dir}/tmp/</tmp_path><format_schema_path>${dir}/format_schemas/</format_schema_path>
    <users_config>users.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
    <mark_cache_size>5368709</mark_cache_size><max_concurrent_queries>20</max_concurrent_queries></yandex>`)
  fs.writeFileSync(path.join(dir, 'users.xml'), `<yandex>
    <profiles><default></default><readonly><readonly>1</readonly></readonly></profiles>
    <users>${user('default', '', 'default')}${user('bob', 'secret', 'default')}${user('lock', 'pw', 'readonly')}</users>
    <quotas><default></default></quotas></yandex>`)
  server = spawn(binary, [`--config-file=${dir}/config.xml`], { cwd: dir, stdio: 'ignore' })
  for (let i = 0; i < 1200; i++) {
    try {
      if ((await (await fetch(`http://127.0.0.1:${port}/`)).text()) === 'Ok.\n') return
    } catch { /* not yet */ }
    if (server.exitCode !== null) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`clickhouse-server does not start: ${fs.readFileSync(path.join(dir, 'log/errors'), 'utf8').slice(0, 2000)}`)
}

before(async () => {
  if (!skip) await start()
})
after(async () => {
  if (!server) return
  if (server.exitCode === null) {
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  fs.rmSync(dir, { recursive: true, force: true })
})

const ask = async (options) => {
  const answer = await dbCli({ engine: 'clickhouse', options: { host: '127.0.0.1', port, ...options },
    statements: [{ sql: 'SELECT 1', format: 'JSONCompactEachRow', tag: 'test' }] })
  assert.equal(answer.stderr, '')
  return { ...answer.results[0].err, info: answer.info }
}

for (const options of [{}, { user: 'bob', password: 'secret' }, { user: 'lock', password: 'pw' }]) {
  test(`too old, told to ${options.user ?? 'default'}`, { skip }, async () => {
    const err = await ask(options)
    assert.equal(err.code, 'unavailable')
    assert.equal(err.text.replace(/ at 127\.0\.0\.1:\d+/, ''), `ClickHouse ${err.info.version} is too old, 24.8 or newer is needed`)
    assert.match(err.info.version, /^18\.16\./)
  })
}

test('a wrong password and an unknown user', { skip }, async () => {
  const wrong = await ask({ user: 'bob', password: 'no' })
  assert.deepEqual([wrong.code, wrong.engine_code], ['access', 193])
  assert.match(wrong.text, /'bob'.*CLICKHOUSE_PASSWORD/)
  const unknown = await ask({ user: 'nobody', password: 'no' })
  assert.deepEqual([unknown.code, unknown.engine_code], ['access', 192])
})

test('an unknown database', { skip }, async () => {
  const err = await ask({ database: 'nowhere' })
  assert.deepEqual([err.code, err.engine_code], ['unavailable', 81])
  assert.match(err.text, /'nowhere'.*CLICKHOUSE_DATABASE/)
})

test('a role, which it does not know as a parameter', { skip }, async () => {
  const err = await ask({ role: 'analyst' })
  assert.ok(err.code !== undefined && err.engine_code === 115, JSON.stringify(err))
})

test('the native port', { skip }, async () => {
  const err = await ask({ port: tcpPort })
  assert.equal(err.code, 'unavailable')
  assert.match(err.text, /HTTP port/)
})

test('TLS to a plain port', { skip }, async () => {
  const err = await ask({ is_secure: true, connect_timeout_ms: 5000 })
  assert.equal(err.code, 'unavailable')
  assert.match(err.text, /CLICKHOUSE_SECURE/)
})
