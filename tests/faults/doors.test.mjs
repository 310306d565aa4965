// The doors with an allocation that fails, the first, the second, … of a whole conversation: the
// process neither crashes nor hangs, says only whole messages, and serves the next one.
//   OOM_STDIO, OOM_HTTP   the test servers with oom_wrap.c inside
//   FAULT_STEP            every how many allocations (default 5; 1 = each)
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { spawn } from '../children.mjs';
import { until } from './rig.mjs';

const STEP = Number(process.env.FAULT_STEP ?? 5);
const AT_ONCE = 3;
const MAX = 5000;

const message = (id, method, params) => JSON.stringify({ jsonrpc: '2.0', id, method, params });
const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'oom', version: '0' } };
const long = 'ü'.repeat(20000);
const messages = [
  message(1, 'initialize', initialize),
  message(2, 'tools/list'),
  message(3, 'tools/call', { name: 'echo', arguments: { text: long } }),
  '{"half":',
  message(4, 'ping'),
];
// Of these at most one is lost.
const [last, after] = ['last', 'after'].map((id) => message(id, 'tools/call', { name: 'echo', arguments: { text: 'x' } }));
const ANSWERED = /"id":"(last|after)","result"/;

function start(program, args, n) {
  const child = spawn(program, args, { env: { ...process.env, FAIL_ALLOCATION: String(n) } });
  const side = { child, out: '', err: '', gone: once(child, 'close') };
  child.stdin.on('error', () => {});
  child.stdout.setEncoding('utf8').on('data', (text) => { side.out += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { side.err += text; });
  child.on('exit', () => { side.hasEnded = true; });
  return side;
}

// Calls `one` with 1, 1 + STEP, … until it says that so many allocations were not made.
async function forEachAllocation(t, one) {
  let n = 1 - STEP, isOver = false, tried = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (!isOver) {
      n += STEP;
      assert.ok(n < MAX);
      tried += 1;
      if (!await one(n)) isOver = true;
    }
  }));
  t.diagnostic(`${tried} runs of up to ${n} allocations`);
  assert.ok(n > 100);
}

const failed = ({ err }) => err.includes('an allocation fails');
const expectSane = (side, code, signal, n) => {
  assert.equal(signal, null, `allocation ${n}: ${side.err}`);
  assert.doesNotMatch(side.err, /Sanitizer|runtime error/, `allocation ${n}`);
};

test('stdio', { timeout: 240000, skip: process.env.OOM_STDIO ? false : 'no test server' }, (t) => forEachAllocation(t, async (n) => {
  const side = start(process.env.OOM_STDIO, ['--stdio'], n);
  for (const text of messages) side.child.stdin.write(`${text}\n`);
  side.child.stdin.write(`${last}\n${after}\n`);
  await until(() => side.hasEnded || ANSWERED.test(side.out), `allocation ${n}: ${side.err}${side.out.slice(-200)}`);
  side.child.stdin.end();
  const [code, signal] = await side.gone;
  expectSane(side, code, signal, n);
  for (const line of side.out.split('\n').slice(0, -1)) JSON.parse(line);
  // A server that could not start said so, and so did one that had no memory for an answer and left.
  if (!ANSWERED.test(side.out)) assert.ok((code !== 0 && side.out === '') || /out of memory/.test(side.err), `allocation ${n}: ${code} ${side.err}`);
  return failed(side);
}));

async function post(port, body, headers = {}) {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', body, signal: AbortSignal.timeout(20000),
      headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', ...headers } });
    return { status: response.status, text: await response.text(), session: response.headers.get('mcp-session-id') };
  } catch (error) {
    assert.notEqual(error.name, 'TimeoutError');
    return { status: 0, text: '' }; // a connection that was dropped
  }
}

test('HTTP', { timeout: 240000, skip: process.env.OOM_HTTP ? false : 'no test server' }, (t) => forEachAllocation(t, async (n) => {
  const side = start(process.env.OOM_HTTP, ['--listen', '127.0.0.1:0'], n);
  await until(() => side.hasEnded || side.out.includes('\n'), `allocation ${n}: does not start`);
  if (side.out.includes('\n')) {
    const port = JSON.parse(side.out).listening;
    const { session } = await post(port, messages[0]);
    const headers = session ? { 'Mcp-Session-Id': session, 'MCP-Protocol-Version': '2025-11-25' } : {};
    for (const text of messages.slice(1)) await post(port, text, headers);
    const { text } = await post(port, last);
    assert.match(ANSWERED.test(text) ? text : (await post(port, after)).text, ANSWERED, `allocation ${n}: ${side.err}`);
    side.child.kill('SIGTERM');
  }
  const [code, signal] = await side.gone;
  expectSane(side, code, signal, n);
  return failed(side);
}));
