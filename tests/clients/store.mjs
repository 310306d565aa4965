// What the client tests share: the product as a program, a store that `sextant import` filled with
// events whose figures are known, and the two ways to reach the server without a client library.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { spawn } from '../children.mjs';

const root = join(import.meta.dirname, '..', '..');
export const SEXTANT = process.env.SEXTANT_BIN ?? join(root, 'build', 'sextant');
export const BUILDS_ENGINE = process.env.SEXTANT_SANITIZED !== '1';

// The engine's library lies in node_modules of the source tree, wherever the build folder is.
const library = join(root, 'node_modules', '@chdb', `lib-linux-${process.arch}-gnu`, 'libchdb.so');

// Nothing of the surroundings may decide a test: no CLICKHOUSE_*, no SEXTANT_*, no configuration.
export function environment(folder) {
  const env = { PATH: process.env.PATH, HOME: folder, XDG_CONFIG_HOME: join(folder, 'xdg') };
  const found = process.env.SEXTANT_LIBCHDB ?? (existsSync(library) ? library : undefined);
  if (found) env.SEXTANT_LIBCHDB = found;
  return env;
}

// Why the embedded engine cannot run here; '' where it can. In CI it must.
export function engineProblem() {
  if (!BUILDS_ENGINE) return 'libchdb does not run under the sanitizers';
  const folder = mkdtempSync(join(tmpdir(), 'sextant-clients-'));
  try {
    const run = spawnSync(SEXTANT, ['doctor', '--json', '--data', join(folder, 'store')],
      { encoding: 'utf8', env: environment(folder) });
    const { checks } = JSON.parse(run.stdout);
    const connection = checks.find((c) => c.check === 'connection');
    assert.ok(connection.status === 'ok' || !process.env.CI, connection.text);
    return connection.status === 'ok' ? '' : connection.text;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// --- the data -----------------------------------------------------------------------------------

const ANSWER_MS = 30000; // beyond it an answer is missing, not late
const HOUR = 3600e3, DAY = 24 * HOUR;
const BEGIN = Date.UTC(2026, 0, 5); // a Monday
export const WEEKS = 6;
const VISITORS = 240, ORDERS = 90;
export const BURST_AT = BEGIN + 30 * DAY + 13 * HOUR; // the hour with too many heartbeats

// What is true of the data below; the checks of tools.mjs read it.
export const facts = {
  // visitor i of VISITORS gets so far in the shop: every one views, 2 of 3 add, 1 of 3 checks out
  funnel: [VISITORS, (VISITORS / 3) * 2, VISITORS / 3],
  cases: ORDERS,
  skipped: ORDERS / 5, // orders that were never checked
  process: ['order_received', 'order_checked', 'order_packed', 'order_sent'],
  odd: 'it\'s {p:String} \\ "ä"', // an event whose name looks like SQL, seen once
};

function* events() {
  const row = (at, event, more) => ({ time: new Date(at).toISOString(), event, ...more });
  for (let i = 0; i < VISITORS; i += 1) {
    const at = BEGIN + (i % 7) * DAY + i * 61e3;
    const who = {
      user: `u${i}`, session: `s${i}`, device: ['mobile', 'desktop', 'tablet'][i % 3], amount: i % 50,
      plan: i % 4 === 0 ? 'pro' : 'free', note: i === 7 ? facts.odd : `n${i}`,
    };
    yield row(at, 'view', who);
    if (i % 3 < 2) yield row(at + 40e3, 'add_to_cart', who);
    if (i % 3 < 1) yield row(at + 95e3, 'checkout', who);
    for (let week = 1; week < WEEKS; week += 1)
      if ((i + week) % (week + 1) === 0)
        yield row(at + week * 7 * DAY, 'view', { ...who, session: `s${i}w${week}` });
  }
  for (let i = 0; i < ORDERS; i += 1) {
    const order = { user: `u${i}`, session: '', order_id: `o${i}` };
    let at = BEGIN + 2 * DAY + i * HOUR;
    for (const [step, name] of facts.process.entries()) {
      if (name === 'order_checked' && i % 5 === 0) continue;
      yield row(at += (step + 1) * 600e3, name, { ...order, staff: `clerk${i % 4}` });
    }
  }
  for (let at = BEGIN; at < BEGIN + WEEKS * 7 * DAY; at += HOUR) {
    const count = at === BURST_AT ? 80 : 4 + ((at / HOUR) % 3);
    for (let n = 0; n < count; n += 1)
      yield row(at + n * 30e3, 'heartbeat', { user: 'monitor', session: '', device: 'probe' });
  }
  yield row(BEGIN + DAY, facts.odd, { user: 'u1', session: 's1', device: facts.odd });
}

const COLUMNS = ['time', 'event', 'user', 'session', 'order_id', 'staff', 'device', 'amount', 'note',
  'actor.plan'];
const quote = (value) => `"${String(value ?? '').replaceAll('"', '""')}"`;

function csv() {
  const lines = [COLUMNS.join(',')];
  for (const event of events())
    lines.push(COLUMNS.map((c) => quote(c === 'actor.plan' ? event.plan : event[c])).join(','));
  return { text: `${lines.join('\n')}\n`, rows: lines.length - 1 };
}

// --- the store ----------------------------------------------------------------------------------

export class Store {
  // In XDG_DATA_HOME it is also the one that is opened without --data.
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'sextant-clients-'));
    this.env = { ...environment(this.folder), XDG_DATA_HOME: this.folder, SEXTANT_TOOLSETS: 'all' };
    this.data = join(this.folder, 'sextant');
    const { text, rows } = csv();
    const file = join(this.folder, 'shop.csv');
    writeFileSync(file, text);
    this.rows = rows;
    const run = this.run(['import', file, '--source', 'shop', '--time', 'time', '--event', 'event',
      '--actor', 'user', '--session', 'session', '--case', 'order_id', '--resource', 'staff', '--json']);
    assert.equal(run.status, 0, run.stderr);
    assert.equal(JSON.parse(run.stdout).rows_imported ?? rows, rows, run.stdout);
  }

  run(args) {
    return spawnSync(SEXTANT, [...args, '--data', this.data],
      { encoding: 'utf8', env: this.env, maxBuffer: 64 << 20, timeout: 60000 });
  }

  // A server whose client did not wait for its end may still be closing the engine's files.
  remove() {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  // `sextant serve` on a free port; stop() ends it and wants a clean end.
  async serve(...flags) {
    const child = spawn(SEXTANT, ['serve', '--listen', '127.0.0.1:0', '--log-level', 'debug',
      '--data', this.data, ...flags], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    const server = { child, log: '' };
    const gone = once(child, 'close');
    const address = new Promise((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text) => {
        server.log += text;
        const found = server.log.match(/http:\/\/[^\s"]+:\d+/);
        if (found) resolve(found[0]);
      });
      gone.then(() => reject(new Error(`sextant serve ended: ${server.log}`)));
    });
    child.stdout.setEncoding('utf8').on('data', (text) => { server.out = (server.out ?? '') + text; });
    server.origin = await address;
    server.url = `${server.origin}/mcp`;
    server.stop = async () => {
      child.kill('SIGTERM');
      const [code, signal] = await gone;
      assert.ok(code === 0 || code === 128 + 15 || signal === 'SIGTERM', `ended with ${code ?? signal}`);
      assert.equal(server.out, undefined, 'sextant serve wrote to standard output');
    };
    return server;
  }
}

// --- the wire without a client library ----------------------------------------------------------

export const MODERN = '2026-07-28';
export const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
};

// sextant stdio, spoken to line by line. Every line it writes must be a JSON message.
export class RawStdio {
  constructor(store, ...flags) {
    this.child = spawn(SEXTANT, ['stdio', '--log-level', 'debug', ...(store.data ? ['--data', store.data] : []), ...flags],
      { env: store.env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.gone = once(this.child, 'close');
    this.log = '';
    this.messages = [];
    this.waiting = new Map(); // by id: whom to give the answer to
    this.watchers = [];
    this.child.stderr.setEncoding('utf8').on('data', (text) => { this.log += text; });
    this.child.stdin.on('error', () => {});
    let text = '';
    this.child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop();
      lines.forEach((line) => this.#take(JSON.parse(line)));
    });
    this.next = 1;
  }

  #take(message) {
    this.messages.push(message);
    if ('result' in message || 'error' in message) {
      this.waiting.get(message.id)?.(message);
      this.waiting.delete(message.id);
    }
    this.watchers = this.watchers.filter((watcher) => !watcher(message));
  }

  write(bytes) {
    this.child.stdin.write(bytes);
  }

  // The next message that `test` likes.
  until(test) {
    return new Promise((resolve) => {
      this.watchers.push((message) => test(message) && (resolve(message), true));
    });
  }

  // Sends a request of the modern era; resolves with the answer as a message.
  request(method, params = {}, { meta = META, id = this.next++ } = {}) {
    const answer = new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no answer to ${method} ${JSON.stringify(params).slice(0, 500)}\n`
          + `${JSON.stringify(this.messages.at(-1)).slice(0, 500)}\n${this.log.slice(-2000)}`));
      }, ANSWER_MS);
      this.waiting.set(id, (message) => { clearTimeout(timer); resolve(message); });
    });
    this.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } })}\n`);
    return answer;
  }

  async call(name, args, options) {
    const answer = await this.request('tools/call', { name, arguments: args }, options);
    return answer.result ?? answer;
  }

  async close() {
    this.child.stdin.end();
    const [code] = await this.gone;
    assert.equal(code, 0, this.log);
  }
}

// One POST of bytes as they are; {status, json}.
export async function post(url, body, headers = {}) {
  const response = await fetch(url, {
    method: 'POST', body,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers },
  });
  const text = await response.text();
  return { status: response.status, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
}

export function postCall(url, name, args) {
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args, _meta: META } };
  return post(url, JSON.stringify(body),
    { 'MCP-Protocol-Version': MODERN, 'Mcp-Method': 'tools/call', 'Mcp-Name': name });
}
