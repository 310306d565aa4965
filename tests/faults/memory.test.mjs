// Thousands of calls leave memory flat, over stdio and over HTTP, and so do calls that the embedded
// engine answers.
//   FAULT_CALLS   how many of the cheap ones (default 4000; the full number is 10000)
import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { after, before, describe, test } from 'node:test';

import { META, MODERN, RawStdio, Store, engineProblem } from '../clients/store.mjs';
import { Rig, memoryOf } from './rig.mjs';

const CALLS = Number(process.env.FAULT_CALLS ?? 4000);
const AT_ONCE = 16;
const MARGIN = 1536; // kB beyond what it was after a fifth of the calls: pages that came late
const problem = engineProblem();

// What a client may send, good and bad, in turns: [method, params, HTTP's Mcp-Name].
const cheap = [
  ['tools/list', {}],
  ['server/discover', {}],
  ['tools/call', { name: 'list_events', arguments: { source: 5, tpyo: 'ä'.repeat(500) } }, 'list_events'],
  ['tools/call', { name: 'run_funnel', arguments: { steps: Array(40).fill({ event: 'x', where: [{ field: 'y' }] }) } }, 'run_funnel'],
  ['tools/call', { name: 'no_such_tool', arguments: {} }, 'no_such_tool'],
  ['no/such/method', {}],
  ['resources/templates/list', {}],
  ['resources/read', { uri: 'sextant://no/such/thing' }, 'sextant://no/such/thing'],
  ['prompts/list', {}],
  ['prompts/get', { name: 'no_such_prompt' }, 'no_such_prompt'],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'x' }, argument: { name: 'y', value: 'z' } }],
];
// None of them reaches a database: without one, memory is the protocol's alone.
const NO_DATABASE = { SEXTANT_LIBCHDB: '/nonexistent' };
const engine = [
  ['tools/call', { name: 'list_events', arguments: { source: 'visits' } }, 'list_events'],
  ['tools/call', { name: 'run_funnel', arguments: { source: 'visits', steps: ['view', 'buy'] } }, 'run_funnel'],
  ['tools/call', { name: 'run_funnel', arguments: { source: 'visits', steps: ['view', 'bye'] } }, 'run_funnel'],
  ['resources/list', {}],
];

// Calls `send` for each of `count` messages, a few at a time; the memory after a fifth, and at the end.
async function drive(pid, count, messages, send) {
  let next = 0, early;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < count) {
      const i = next++;
      if (i === Math.floor(count / 5)) early = memoryOf(pid);
      const text = await send(...messages[i % messages.length]);
      assert.match(text, /"(result|error)":/);
    }
  }));
  return { early, late: memoryOf(pid) };
}

function expectFlat(t, what, { early, late }, margin) {
  t.diagnostic(`${what}: ${early} kB after a fifth of the calls, ${late} kB after all`);
  assert.ok(late < early + margin, `${what}: memory grew from ${early} to ${late} kB`);
}

function poster(url) {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const post = (method, params, name) => new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream', 'MCP-Protocol-Version': MODERN, 'Mcp-Method': method };
    if (name) headers['Mcp-Name'] = name;
    const post = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('end', () => resolve(text)).on('error', reject);
    });
    post.on('error', reject).end(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: META } }));
  });
  return { post, close: () => agent.destroy() };
}

describe('memory', { skip: problem || false }, () => {
  let rig;
  before(() => { rig = new Rig('memory').fill(); });
  after(() => rig?.remove());

  test('stays flat over stdio', { timeout: 300000 }, async (t) => {
    const side = new RawStdio(rig);
    const send = async (method, params) => JSON.stringify(await side.request(method, params));
    side.messages.push = () => 0; // a test that remembers everything would run out itself
    expectFlat(t, `${CALLS} messages`, await drive(side.child.pid, CALLS, cheap, send), MARGIN);
    // The engine's own memory is its caches': it grows by leaps, and stops.
    const calls = Math.ceil(CALLS / 40);
    expectFlat(t, `${calls} calls of the engine`, await drive(side.child.pid, calls, engine, send), 64 << 10);
    await side.close();
  });

  test('stays flat over HTTP, a few connections and many', { timeout: 300000 }, async (t) => {
    const server = await Store.prototype.serve.call({ data: rig.data, env: { ...rig.env, ...NO_DATABASE } });
    const { post, close } = poster(server.url);
    const pid = server.child.pid;
    try {
      expectFlat(t, `${CALLS} messages`, await drive(pid, CALLS, cheap, post), MARGIN);
      const fresh = async (...message) => {
        const one = poster(server.url);
        try {
          return await one.post(...message);
        } finally {
          one.close();
        }
      };
      expectFlat(t, `${CALLS / 5} connections`, await drive(pid, CALLS / 5, cheap, fresh), MARGIN);
    } finally {
      close();
      await server.stop();
    }
  });
});
