// Starts the endpoint, runs db_cli, and what the engine tests share.
import { spawnSync, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createRequire } from 'node:module'
import { spawn } from '../children.mjs'

const here = path.dirname(new URL(import.meta.url).pathname)

export function missing() {
  try {
    const require = createRequire(import.meta.url)
    require.resolve('chdb')
    require.resolve('@clickhouse/client')
    return null
  } catch {
    return 'node_modules is missing: run `npm ci`'
  }
}

// libchdb.so as npm installed it.
export function enginePath() {
  const require = createRequire(import.meta.url)
  const arch = process.arch === 'arm64' ? 'arm64' : 'x64'
  return path.join(path.dirname(require.resolve(`@chdb/lib-linux-${arch}-gnu`)), 'libchdb.so')
}

export const scratch = (name) => fs.mkdtempSync(path.join(os.tmpdir(), `sextant-${name}-`))

export async function startEndpoint(args = []) {
  const store = scratch('endpoint')
  const child = spawn(process.execPath, [path.join(here, 'clickhouse_endpoint.mjs'), '--path', store, '--stdin', ...args],
    { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  for await (const chunk of child.stdout) {
    text += chunk
    if (text.includes('\n')) break
  }
  const { port } = JSON.parse(text.split('\n')[0])
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    child,
    async log() {
      return (await fetch(`http://127.0.0.1:${port}/__log`)).json()
    },
    async running() {
      return (await fetch(`http://127.0.0.1:${port}/__running`)).json()
    },
    async stop() {
      child.stdin.end()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      fs.rmSync(store, { recursive: true, force: true })
    },
  }
}

// Runs db_cli with a job; resolves to its answer.
export async function dbCli(job, { binary = process.env.SEXTANT_DB_CLI } = {}) {
  const child = spawn(binary, { stdio: ['pipe', 'pipe', 'pipe'] })
  const out = []
  const errors = []
  child.stdout.on('data', (b) => out.push(b))
  child.stderr.on('data', (b) => errors.push(b))
  child.stdin.end(JSON.stringify(job))
  const [code, signal] = await once(child, 'close')
  const stderr = Buffer.concat(errors).toString()
  if (code !== 0) throw new Error(`db_cli ended with ${code ?? signal}: ${stderr}`)
  return { ...JSON.parse(Buffer.concat(out).toString()), stderr }
}

export const rowsOf = (result) => result.rows.split('\n').filter(Boolean).map((line) => JSON.parse(line))

// ClickHouse's escaped text form of parameters, as sql/query.h describes it.
export const scalar = (text) =>
  text.replace(/\\/g, '\\\\').replace(/\t/g, '\\t').replace(/\n/g, '\\n').replace(/\r/g, '\\r').replace(/\0/g, '\\0')
export const array = (items) => '[' + items.map((s) => `'${scalar(s).replace(/'/g, "\\'")}'`).join(',') + ']'

export const hasOpenssl = () => spawnSync('openssl', ['version']).status === 0

// A certificate authority and a server certificate of its own, for 127.0.0.1.
export function makeCertificates() {
  const dir = scratch('tls')
  const run = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' })
  run('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=Sextant test CA', '-keyout', 'ca.key', '-out', 'ca.pem')
  run('req', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=127.0.0.1', '-keyout', 'server.key', '-out', 'server.csr')
  fs.writeFileSync(path.join(dir, 'ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n')
  run('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'ext', '-out', 'server.pem')
  return { dir, ca: path.join(dir, 'ca.pem'), key: path.join(dir, 'server.key'), cert: path.join(dir, 'server.pem') }
}
