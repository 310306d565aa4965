// A network that crawls, stalls or breaks: between the program and ClickHouse, and between it and its
// clients. Answers come whole or not at all, errors say what is the matter, nothing hangs.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { spawn } from '../children.mjs';
import { META, MODERN, SEXTANT, postCall } from '../clients/store.mjs';
import { missing, startEndpoint } from '../engines/endpoint_helper.mjs';
import { Rig, until } from './rig.mjs';

const skip = missing() ?? false;
const ROWS = 600;

// Passes bytes on in pieces of `piece` bytes; after `cut` bytes of answer it breaks off, or stalls.
function startProxy(port, { piece = 1 << 16, cut = Infinity, stalls = false, skipConnections = 0 } = {}) {
  const sockets = new Set();
  let connections = 0;
  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1');
    const limit = connections++ < skipConnections ? Infinity : cut;
    let passed = 0;
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    const pass = (from, to, most) => {
      let chain = Promise.resolve();
      from.on('data', (data) => {
        chain = chain.then(async () => {
          for (let at = 0; at < data.length && !to.destroyed; at += piece) {
            const part = data.subarray(at, Math.min(at + piece, data.length));
            passed += most < Infinity ? part.length : 0;
            if (passed > most) {
              if (!stalls) to.destroy();
              return;
            }
            if (!to.write(part)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
            if (piece < 1 << 16) await sleep(1);
          }
        });
      });
      from.on('close', () => chain.then(() => (stalls && passed > most ? null : to.end())));
    };
    pass(client, upstream, Infinity);
    pass(upstream, client, limit);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({
      env: { CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: String(server.address().port), CLICKHOUSE_SECURE: 'false', CLICKHOUSE_DATABASE: 'slow' },
      port: server.address().port,
      get connections() { return connections; },
      stop() {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    }));
  });
}

describe('a slow network to ClickHouse', { skip }, () => {
  let endpoint, rig;
  before(async () => {
    rig = new Rig('slow');
    endpoint = await startEndpoint();
    const sql = async (body) => assert.equal((await fetch(endpoint.url, { method: 'POST', body })).status, 200);
    await sql('CREATE DATABASE slow');
    await sql(`CREATE TABLE slow.visits ENGINE = MergeTree ORDER BY time AS SELECT toDateTime64('2026-03-01 00:00:00', 6, 'UTC') + number AS time,
      concat('event ', toString(number)) AS event, toString(number % 7) AS actor, map('k', 'v') AS properties FROM numbers(${ROWS})`);
  });
  after(async () => {
    await endpoint?.stop();
    rig?.remove();
  });

  // Not spawnSync: the proxy lives in this process.
  async function call(env, ...flags) {
    const child = spawn(SEXTANT, ['call', 'list_events', '{"source":"visits","limit":1000}', ...flags], { env: { ...rig.env, ...env } });
    let out = '', err = '';
    child.stdout.setEncoding('utf8').on('data', (text) => { out += text; });
    child.stderr.setEncoding('utf8').on('data', (text) => { err += text; });
    const timer = setTimeout(() => child.kill('SIGKILL'), 60000);
    const [code, signal] = await once(child, 'close');
    clearTimeout(timer);
    assert.equal(signal, null, `it hangs, or died: ${err}`);
    return { code, out, err };
  }

  test('bytes that trickle make a call slow, not wrong', { timeout: 90000 }, async (t) => {
    const proxy = await startProxy(endpoint.port, { piece: 97 });
    t.after(() => proxy.stop());
    const plain = await call({ ...proxy.env, CLICKHOUSE_PORT: String(endpoint.port) });
    const slow = await call(proxy.env);
    assert.equal(slow.code, 0, slow.err);
    assert.ok(proxy.connections > 0);
    const eventsOf = ({ out }) => JSON.parse(out).events;
    assert.ok(eventsOf(slow).length > 100, slow.out.slice(0, 500));
    assert.deepEqual(eventsOf(slow), eventsOf(plain));
  });

  test('an answer that breaks off or stalls anywhere is an error, never half an answer', { timeout: 120000 }, async (t) => {
    // Where the cut falls between two statements, or into one that is sent again, all is well: then
    // the answer is whole.
    const whole = (await call({ CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_SECURE: 'false', CLICKHOUSE_DATABASE: 'slow', CLICKHOUSE_PORT: String(endpoint.port) })).out;
    for (const stalls of [false, true])
      for (const cut of stalls ? [700] : [0, 60, 400, 2000, 9000]) {
        const proxy = await startProxy(endpoint.port, { cut, stalls });
        t.after(() => proxy.stop());
        const { code, out, err } = await call(proxy.env, '--query-seconds', '2', '--clickhouse-connect-timeout', '2');
        proxy.stop();
        if (code === 0 && cut > 400) {
          assert.deepEqual(JSON.parse(out).events, JSON.parse(whole).events, `cut after ${cut}`);
          continue;
        }
        assert.notEqual(code, 0, `cut after ${cut}: ${out.slice(0, 300)}`);
        const { error } = JSON.parse(err.trim().split('\n').at(-1));
        assert.match(error.code, /^(unavailable|timeout)$/, `cut after ${cut}: ${err}`);
        assert.ok(error.message.length > 20);
      }
  });
});

describe('slow clients', { skip }, () => {
  let rig, child, port;
  before(async () => {
    rig = new Rig('slow').fill();
    child = spawn(SEXTANT, ['serve', '--listen', '127.0.0.1:0', '--data', rig.data], { env: rig.env, stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text) => { log += text; });
    await until(() => { port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(log)?.[1]; return port; }, 'does not listen');
  });
  after(async () => {
    child?.kill('SIGTERM');
    if (child?.exitCode === null) await once(child, 'exit');
    rig?.remove();
  });

  const request = (name, args) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args, _meta: META } });
    return `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n`
      + `Connection: close\r\nMCP-Protocol-Version: ${MODERN}\r\nMcp-Method: tools/call\r\nMcp-Name: ${name}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  };

  // One that writes and reads a few bytes at a time; resolves with what it got.
  async function crawl(text) {
    const socket = net.connect({ port, host: '127.0.0.1', highWaterMark: 64 });
    socket.on('error', () => {});
    const end = once(socket, 'close');
    for (let at = 0; at < text.length; at += 7) {
      socket.write(text.slice(at, at + 7));
      if (at % 70 === 0) await sleep(1);
    }
    let got = '';
    socket.setEncoding('utf8').on('data', (part) => {
      got += part;
      socket.pause();
      setTimeout(() => socket.resume(), 1);
    });
    await end;
    return got;
  }

  test('are answered in full, and hold nobody else up', { timeout: 90000 }, async () => {
    const crawling = Array.from({ length: 20 }, () => crawl(request('list_events', { source: 'visits' })));
    const quick = await postCall(`http://127.0.0.1:${port}/mcp`, 'list_events', { source: 'visits' });
    assert.equal(quick.json.result.structuredContent.events.length, 2);
    for (const got of await Promise.all(crawling)) {
      const [head, body] = got.split('\r\n\r\n');
      assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
      const { structuredContent } = JSON.parse(body).result;
      assert.deepEqual(structuredContent.events, quick.json.result.structuredContent.events);
    }
  });
});

describe('slow input', { skip }, () => {
  let rig;
  before(() => { rig = new Rig('slow'); });
  after(() => rig?.remove());

  test('is imported to its last row', { timeout: 90000 }, async () => {
    const child = spawn(SEXTANT, ['import', '-', '--source', 'trickle', '--format', 'csv', '--time', 'time', '--event', 'event', '--actor', 'actor', '--data', rig.data], { env: rig.env });
    let err = '';
    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (text) => { err += text; });
    const text = `time,event,actor\n${Array.from({ length: ROWS }, (_, i) => `2026-03-01T00:00:00Z,"ev,${i % 5}",ü${i}\n`).join('')}`;
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 211) {
      child.stdin.write(bytes.subarray(at, at + 211));
      await sleep(1);
    }
    child.stdin.end();
    const [code] = await once(child, 'close');
    assert.equal(code, 0, err);
    const { events } = JSON.parse(rig.run(['call', 'list_events', '{"source":"trickle"}']));
    assert.equal(events.reduce((sum, { count }) => sum + count, 0), ROWS);
  });
});
