// The official clients against the HTTP transport with sessions: both eras on one address.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { sleep, startServer } from './http_tools.mjs';

const about = { name: 'test', version: '1' };
let Client1, Http1, Client2, Http2, ElicitRequestSchema, ToolListChangedNotificationSchema, missing;
try {
  ({ Client: Client1 } = await import('@modelcontextprotocol/sdk/client/index.js'));
  ({ StreamableHTTPClientTransport: Http1 } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js'));
  ({ ElicitRequestSchema, ToolListChangedNotificationSchema } = await import('@modelcontextprotocol/sdk/types.js'));
  ({ Client: Client2, StreamableHTTPClientTransport: Http2 } = await import('@modelcontextprotocol/client'));
} catch {
  missing = 'the official clients are not installed; run: npm ci';
}

async function until(isTrue, what, ms = 20000) {
  for (const end = Date.now() + ms; !(await isTrue());) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await sleep(10);
  }
}

// Passes bytes on to the server until cut() breaks what is open.
async function startWire(port) {
  const open = new Set();
  const listener = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]]) {
      open.add(from);
      from.pipe(to);
      from.on('error', () => {});
      from.on('close', () => { open.delete(from); to.destroy(); });
    }
  });
  await new Promise((resolve) => { listener.listen(0, '127.0.0.1', resolve); });
  listener.unref(); // a test that fails does not close it
  return {
    url: `http://127.0.0.1:${listener.address().port}`,
    cut: () => { for (const socket of open) socket.resetAndDestroy(); },
    close: () => { for (const socket of open) socket.destroy(); listener.close(); },
  };
}

describe('official clients', { skip: missing }, () => {
  let server;
  before(async () => { server = await startServer('--sessions', 'true'); });
  after(() => server.stop());

  async function open1(url = server.url, capabilities = {}) {
    const client = new Client1(about, { capabilities });
    const transport = new Http1(new URL(`${url}/mcp`), { reconnectionOptions: { initialReconnectionDelay: 20, maxReconnectionDelay: 200, reconnectionDelayGrowFactor: 1.5, maxRetries: 20 } });
    const errors = [];
    transport.onerror = (error) => errors.push(error.message);
    await client.connect(transport);
    return { client, transport, errors, call: async (name, args, options) => (await client.callTool({ name, arguments: args }, undefined, options)).structuredContent };
  }

  test('v1: a session, its stream, its end', async () => {
    const { client, transport, errors, call } = await open1();
    assert.match(transport.sessionId, /^[0-9a-f]{48}$/);
    let changes = 0;
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => { changes += 1; });
    // The stream is opened behind the client's back, so a change may be too early for it.
    await until(async () => { await call('change', {}); return changes > 0; }, 'a change is heard of');
    const progress = [];
    assert.equal((await call('sleep', { ms: 90, steps: 3 }, { onprogress: (step) => progress.push(step.progress) })).steps, 3);
    assert.deepEqual(progress, [1, 2]);
    assert.deepEqual(errors, []);
    await transport.terminateSession();
    await assert.rejects(client.listTools());
    await client.close();
  });

  test('v1: comes back for the answer when it was let go', async () => {
    const { client, errors, call } = await open1();
    for (const more of [{ let_go: 30 }, { let_go: 30, let_go_step: 2 }, { let_go: 500 }]) {
      const progress = [];
      assert.equal((await call('sleep', { ms: 300, steps: 4, ...more }, { onprogress: (step) => progress.push(step.progress) })).steps, 4);
      assert.deepEqual(progress, [1, 2, 3]);
    }
    assert.deepEqual(errors, []);
    await client.close();
  });

  test('v1: comes back for the answer when the line breaks', async () => {
    const wire = await startWire(server.port);
    const { client, call } = await open1(wire.url);
    let steps = 0;
    const answer = call('sleep', { ms: 1000, steps: 4 }, { onprogress: () => { steps += 1; if (steps < 3) wire.cut(); } });
    assert.equal((await answer).steps, 4);
    assert.equal(steps, 3);
    await client.close();
    wire.close();
  });

  test('v1: answers what it is asked', async () => {
    const { client, call } = await open1(server.url, { elicitation: {} });
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({ action: 'accept', content: { name: params.message.length.toString() } }));
    assert.equal((await call('ask', { question: 'four' })).answer.content.name, '4');
    await client.close();
  });

  test('v1: cancelling reaches the call', async () => {
    const { client, call } = await open1();
    const { cancelled, started } = await call('stats', {});
    const abort = new AbortController();
    const waiting = call('sleep', { ms: 60000 }, { signal: abort.signal });
    await until(async () => (await call('stats', {})).started === started + 1, 'it runs');
    abort.abort();
    await assert.rejects(waiting);
    await until(async () => (await call('stats', {})).cancelled === cancelled + 1, 'it is cancelled');
    await client.close();
  });

  for (const [name, versionNegotiation, isModern] of [['default', undefined, false], ['auto', { mode: 'auto' }, true], ['pinned', { mode: { pin: '2026-07-28' } }, true]]) {
    test(`v2, ${name}: both eras beside each other`, async () => {
      const client = new Client2(about, { capabilities: { elicitation: { form: {} } }, ...(versionNegotiation && { versionNegotiation }) });
      const transport = new Http2(new URL(`${server.url}/mcp`));
      client.setRequestHandler('elicitation/create', async () => ({ action: 'accept', content: { name: 'Ada' } }));
      await client.connect(transport);
      assert.equal(transport.sessionId !== undefined, !isModern);
      const call = async (tool, args, options) => (await client.callTool({ name: tool, arguments: args }, options)).structuredContent;
      assert.equal((await call('echo', { text: 'x' })).text, 'x');
      const progress = [];
      assert.equal((await call('sleep', { ms: 90, steps: 3, let_go: 20 }, { onprogress: (step) => progress.push(step.progress) })).steps, 3);
      assert.deepEqual(progress, [1, 2]);
      assert.equal((await call('ask', {})).answer.content.name, 'Ada');
      await client.close();
    });
  }
});
