// A thousand idle streams and two hundred clients that do not read, beside one that wants answers:
// with the limits that the server has of itself, of a usual 1,024 open files in particular.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { META, Raw, legacyCall, post, postBytes, sleep, startServer } from './http_tools.mjs';

const STREAMS = 500; // of each era
const SLOW = 200;
const isSanitized = process.env.SEXTANT_SANITIZED === '1'; // which takes memory of its own
const ANSWER_MS = 20000; // generous: the machine may be busy, and this process is one of the loads

const initialize = {
  jsonrpc: '2.0', id: 0, method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'crowd', version: '1' } },
};
const listen = { jsonrpc: '2.0', id: 'l', method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true }, _meta: META } };

async function inGroups(count, make) {
  const all = [];
  for (let i = 0; i < count; i += 50)
    all.push(...await Promise.all(Array.from({ length: Math.min(50, count - i) }, make)));
  return all;
}

test('idle streams and slow readers do not disturb a caller', async (t) => {
  // A hard limit that this machine cannot lift leaves nothing to show.
  const hard = spawnSync('sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' }).stdout.trim();
  if (hard !== 'unlimited' && Number(hard) < 2200) return t.skip(`only ${hard} files may be open`);
  const server = await startServer('--sessions', 'true');
  const session = { 'Mcp-Session-Id': (await post(server, initialize)).headers.get('mcp-session-id') };
  const call = async (name, args) => {
    const start = Date.now();
    const answer = await post(server, legacyCall(name, args), session);
    assert.equal(answer.status, 200, answer.text);
    assert.ok(Date.now() - start < ANSWER_MS, `${name} took ${Date.now() - start} ms`);
    return answer.json.result.structuredContent;
  };
  const before = await call('stats');

  // The idle ones: subscriptions, and the streams of sessions.
  const modern = await inGroups(STREAMS, async () => {
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(listen, { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': listen.method }));
    await raw.until((text) => text.includes('notifications/subscriptions/acknowledged'), 30000);
    return raw;
  });
  const legacy = await inGroups(STREAMS, async () => {
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(initialize));
    const { headers } = await raw.answer(30000);
    await raw.write(`GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nMcp-Session-Id: ${headers['mcp-session-id']}\r\n\r\n`);
    await raw.until((text) => text.includes('id: 1.0'), 30000);
    return raw;
  });
  for (let i = 0; i < 100; i++) assert.equal((await call('echo', { text: `${i}` })).text, `${i}`);
  const idle = await call('stats');
  assert.ok(idle.connections > 2 * STREAMS);
  const each = (idle.rss - before.rss) / (2 * STREAMS);
  t.diagnostic(`${before.rss >> 10} KiB before, ${idle.rss >> 10} KiB with ${2 * STREAMS} idle streams: ${Math.round(each)} bytes each`);
  assert.ok(isSanitized || each < 64 << 10, `${each} bytes for each idle stream`);

  // The slow ones: each lets progress with a long note pile up, until it is dropped.
  const note = { ms: 600000, steps: 2400, note_bytes: 200000 };
  const slow = await inGroups(SLOW, async () => {
    const raw = await Raw.open(server.port);
    raw.socket.pause();
    raw.socket.on('error', () => {});
    await raw.write(postBytes(initialize));
    return raw;
  });
  for (const raw of slow) {
    raw.socket.write(postBytes({ ...legacyCall('sleep', note, { progressToken: 1 }), params: { name: 'sleep', arguments: note, _meta: { ...META, progressToken: 1 } } },
      { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'tools/call', 'Mcp-Name': 'sleep' }));
  }
  let peak = 0, calls = 0;
  for (const end = Date.now() + 120000; ; calls++) {
    assert.equal((await call('echo', { text: 'x' })).text, 'x');
    const now = await call('stats');
    peak = Math.max(peak, now.rss);
    if (now.started === SLOW && now.cancelled === SLOW) break;
    assert.ok(Date.now() < end, `not all were dropped: ${JSON.stringify(now)}`);
    await sleep(10);
  }
  t.diagnostic(`${calls} rounds of calls while the slow ones were dropped, at most ${peak >> 20} MiB`);
  assert.ok(isSanitized || peak < 700 << 20, `${peak} bytes`);

  // Every idle stream is still there, and hears what happens.
  await call('change');
  for (const raw of [...modern, ...legacy])
    await raw.until((text) => text.includes('notifications/tools/list_changed'), 30000);
  await Promise.all([...modern, ...legacy, ...slow].map((raw) => raw.close()));
  await server.stop();
});
