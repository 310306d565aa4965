// What the import tests share: running the program, and reading its store with the engine's own
// binding in a process of its own, after the program has ended.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { spawn } from '../children.mjs';

export const SEXTANT = process.env.SEXTANT_BIN ?? 'build/sextant';
export const DATA = process.env.SEXTANT_TEST_DATA
  ?? fileURLToPath(new URL('../../../shared/data', import.meta.url));

export class Store {
  constructor(root) {
    this.root = root ?? mkdtempSync(path.join(tmpdir(), 'sextant-import-'));
    this.data = path.join(this.root, 'store');
  }

  remove() {
    rmSync(this.root, { recursive: true, force: true });
  }

  file(name, content) {
    const full = path.join(this.root, name);
    writeFileSync(full, content);
    return full;
  }

  arguments(args) {
    return ['import', '--data', this.data, ...args];
  }

  // {code, out, err}: the program as a script sees it.
  run(args, options = {}) {
    const result = spawnSync(SEXTANT, this.arguments(args),
      { encoding: 'utf8', maxBuffer: 1 << 28, env: environment(), ...options });
    assert.equal(result.error, undefined);
    // On a slow machine it tells how far it is.
    const err = result.stderr.replaceAll(/^import: .*\n/gm, '');
    return { code: result.status, out: result.stdout, err, signal: result.signal };
  }

  start(args) {
    return spawn(SEXTANT, this.arguments(args), { stdio: ['pipe', 'pipe', 'pipe'], env: environment() });
  }

  // The report of an import that must succeed.
  import(args, options) {
    const result = this.run([...args, '--json'], options);
    assert.equal(result.code, 0, result.err);
    assert.equal(result.err, '');
    return JSON.parse(result.out);
  }

  // The error of an import that must fail.
  fail(args, options) {
    const result = this.run(args, options);
    assert.equal(result.code, 1, result.out + result.err);
    assert.equal(result.out, '');
    return JSON.parse(result.err).error;
  }

  // What a tool says of the store, as JSON if the options do not say else.
  call(tool, args, ...options) {
    const result = spawnSync(SEXTANT, ['call', tool, JSON.stringify(args), '--data', this.data, ...options],
      { encoding: 'utf8', maxBuffer: 1 << 28, env: environment() });
    assert.equal(result.status, 0, result.stderr);
    return result.stdout;
  }

  query(sql) {
    const result = spawnSync(process.execPath, ['--input-type=module', '-e', READER, path.join(this.data, 'engine'), sql],
      { encoding: 'utf8', maxBuffer: 1 << 28, cwd: path.dirname(fileURLToPath(import.meta.url)), timeout: 60000 });
    assert.equal(result.signal, 'SIGKILL', `${result.status} ${result.signal}: ${result.stderr}`);
    return JSON.parse(result.stdout);
  }

  // Rows in import order as objects: the columns that are not empty, properties as objects.
  events(source) {
    return this.query(`SELECT * FROM sextant.\`${source}\` ORDER BY seq`);
  }
}

// Leaving with a running engine crashes or hangs now and then, and the binding does not close it:
// the reader ends itself for good when the answer is out.
const READER = `
import { writeSync } from 'node:fs';
import { Session } from 'chdb';
const [, path, sql] = process.argv;
const session = new Session(path);
const text = session.query(sql + " SETTINGS output_format_json_quote_64bit_integers=0, max_threads=1", 'JSONEachRow');
const bytes = Buffer.from('[' + text.trim().split('\\n').filter(Boolean).join(',') + ']');
for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at);
process.kill(process.pid, 'SIGKILL');
`;

function environment() {
  const env = { ...process.env };
  for (const name of Object.keys(env))
    if (name.startsWith('CLICKHOUSE_') || name === 'SEXTANT_DATA' || name === 'SEXTANT_CONFIG')
      delete env[name];
  return env;
}
