// The HTTP transport over time: event streams, clients that leave, are slow or too many, draining.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import {
  META, Raw, legacyCall, modernCall, modernHeaders, post, postBytes, readEvents, sleep, startServer,
  stats, untilStats,
} from './http_tools.mjs';

const modernPost = (message, headers = {}, options = {}) =>
  postBytes(message, { ...modernHeaders(message), ...headers }, options);

// The body of a chunked answer, once its last chunk is there.
function unchunk(text) {
  let rest = text.slice(text.indexOf('\r\n\r\n') + 4), body = '';
  for (;;) {
    const end = rest.indexOf('\r\n');
    const size = parseInt(rest.slice(0, end), 16);
    if (size === 0) {
      assert.equal(rest.slice(end), '\r\n\r\n');
      return body;
    }
    body += rest.slice(end + 2, end + 2 + size);
    rest = rest.slice(end + 4 + size);
  }
}

describe('event streams', () => {
  let server;
  before(async () => { server = await startServer('--keepalive-ms', '100'); });
  after(() => server.stop());
  const working = legacyCall('sleep', { ms: 120, steps: 3 }, { progressToken: 'p' });

  test('progress makes a stream of the answer', async () => {
    for (const message of [working, modernCall('sleep', { ms: 120, steps: 3 }, { progressToken: 'p' })]) {
      const answer = await post(server, message, message === working ? {} : modernHeaders(message));
      assert.equal(answer.status, 200);
      assert.equal(answer.type, 'text/event-stream');
      assert.equal(answer.headers.get('x-accel-buffering'), 'no');
      assert.match(answer.headers.get('cache-control'), /no-cache/);
      assert.deepEqual(answer.events.map((event) => event.method ?? event.id),
        ['notifications/progress', 'notifications/progress', 1]);
      assert.deepEqual(answer.events.slice(0, 2).map((event) => event.params.progress), [1, 2]);
      assert.equal(answer.events[2].result.structuredContent.steps, 3);
    }
  });

  test('without a token, or for a client that takes JSON only, it stays JSON', async () => {
    const silent = await post(server, legacyCall('sleep', { ms: 60, steps: 3 }));
    assert.equal(silent.json.result.structuredContent.steps, 3);
    const only = await post(server, working, { Accept: 'application/json' });
    assert.equal(only.json.result.structuredContent.steps, 3);
  });

  test('a client that takes streams only gets one', async () => {
    const answer = await post(server, legacyCall('echo', { text: 'x' }), { Accept: 'text/event-stream' });
    assert.equal(answer.type, 'text/event-stream');
    assert.equal(answer.events.length, 1);
    assert.equal(answer.events[0].result.structuredContent.text, 'x');
  });

  test('events arrive when they happen, comments keep a silent stream alive, the connection stays', async () => {
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(legacyCall('sleep', { ms: 3000, steps: 2 }, { progressToken: 1 })));
    await raw.until((text) => text.includes('notifications/progress'));
    assert.doesNotMatch(raw.text, /structuredContent/);
    await raw.until((text) => text.endsWith('\r\n0\r\n\r\n'));
    const body = unchunk(raw.text);
    assert.ok(body.split(': keepalive\n\n').length - 1 >= 2, body);
    assert.equal(readEvents(body).length, 2);
    raw.text = '';
    await raw.write(postBytes(legacyCall('echo', { text: 'after' })));
    assert.equal(JSON.parse((await raw.answer()).body).result.structuredContent.text, 'after');
    await raw.close();
  });

  test('on HTTP/1.0 the stream ends with the connection', async () => {
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(working, { Connection: 'keep-alive' }, { version: '1.0' }));
    await raw.closed;
    const [head, body] = raw.text.split('\r\n\r\n');
    assert.doesNotMatch(head, /chunked/i);
    assert.match(head, /Connection: close/);
    assert.equal(readEvents(body.replaceAll(': keepalive\n\n', '')).length, 3);
  });
});

describe('a client that leaves', () => {
  let server;
  before(async () => { server = await startServer('--drain-ms', '300'); });
  after(() => server.stop());

  const long = { ms: 60000 };
  const leave = {
    'by closing': (raw) => raw.socket.end(),
    'with a reset': (raw) => raw.socket.resetAndDestroy(),
  };
  for (const [how, go] of Object.entries(leave)) {
    test(`${how} cancels a modern call`, async () => {
      const earlier = await stats(server);
      const raw = await Raw.open(server.port);
      await raw.write(modernPost(modernCall('sleep', long)));
      await untilStats(server, (now) => now.started === earlier.started + 1);
      go(raw);
      await untilStats(server, (now) => now.cancelled === earlier.cancelled + 1);
      assert.doesNotMatch(raw.text, /HTTP/);
      await raw.close();
    });
  }

  test('out of a stream cancels a modern call', async () => {
    const earlier = await stats(server);
    const message = modernCall('sleep', { ms: 60000, steps: 2000 }, { progressToken: 1 });
    const raw = await Raw.open(server.port);
    await raw.write(modernPost(message));
    await raw.until((text) => text.includes('notifications/progress'));
    raw.socket.end();
    await untilStats(server, (now) => now.cancelled === earlier.cancelled + 1);
    await raw.close();
  });

  test('with more requests in the pipe than are read ahead cancels a modern call', async () => {
    const earlier = await stats(server);
    const raw = await Raw.open(server.port);
    const rest = postBytes(legacyCall('echo', { text: 'x'.repeat(1000) })).repeat(200);
    raw.socket.write(modernPost(modernCall('sleep', { ms: 60000 })) + rest);
    await untilStats(server, (now) => now.started === earlier.started + 1);
    await sleep(100);
    raw.socket.resetAndDestroy();
    await untilStats(server, (now) => now.cancelled === earlier.cancelled + 1);
    await raw.close();
  });

  test('an aborted fetch cancels a modern call', async () => {
    const earlier = await stats(server);
    const message = modernCall('sleep', long);
    const abort = new AbortController();
    const pending = fetch(`${server.url}/mcp`, {
      method: 'POST', signal: abort.signal, body: JSON.stringify(message),
      headers: { 'Content-Type': 'application/json', ...modernHeaders(message) },
    });
    await untilStats(server, (now) => now.started === earlier.started + 1);
    abort.abort();
    await assert.rejects(pending);
    await untilStats(server, (now) => now.cancelled === earlier.cancelled + 1);
  });

  test('does not cancel a legacy call: it runs on, and its answer is dropped', async () => {
    const earlier = await stats(server);
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(legacyCall('sleep', { ms: 400 })));
    await untilStats(server, (now) => now.started === earlier.started + 1);
    raw.socket.end();
    await raw.closed;
    const later = await untilStats(server, (now) => now.finished === earlier.finished + 1);
    assert.equal(later.cancelled, earlier.cancelled);
  });

  test('before its request is complete costs nothing', async () => {
    const earlier = await stats(server);
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(legacyCall('sleep', long)).slice(0, -5));
    raw.socket.end();
    await raw.closed;
    const later = await stats(server);
    assert.equal(later.started, earlier.started);
  });
});

describe('time limits', () => {
  let server;
  before(async () => { server = await startServer('--head-ms', '1000', '--body-ms', '1000', '--idle-ms', '1500'); });
  after(() => server.stop());

  test('a head in drops: 408', async () => {
    const raw = await Raw.open(server.port);
    const start = Date.now();
    const drip = setInterval(() => raw.socket.write('G'), 50).unref();
    assert.equal((await raw.answer()).status, 408);
    clearInterval(drip);
    assert.ok(Date.now() - start < 10000);
    raw.socket.end();
    await raw.closed;
  });

  test('a body in drops: 408', async () => {
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(legacyCall('echo', { text: 'x'.repeat(1000) })).slice(0, 300));
    const drip = setInterval(() => raw.socket.write('x'), 50).unref();
    const answer = await raw.answer();
    clearInterval(drip);
    assert.equal(answer.status, 408);
    assert.equal(answer.headers.connection, 'close');
    raw.socket.end();
    await raw.closed;
  });

  test('a connection that never speaks is closed without a word', async () => {
    const start = Date.now(); // before the server's own clock starts
    const raw = await Raw.open(server.port);
    await raw.closed;
    assert.equal(raw.text, '');
    assert.ok(Date.now() - start >= 950);
  });

  test('an idle one too, and a busy one is not idle', async () => {
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(legacyCall('sleep', { ms: 2000 })));
    assert.equal((await raw.answer()).status, 200);
    await sleep(50);
    const start = Date.now();
    await raw.write(postBytes(legacyCall('echo', { text: 'x' })));
    const answer = await raw.answer();
    assert.equal(answer.status, 200);
    await raw.closed;
    assert.ok(Date.now() - start >= 1450);
  });
});

test('beyond 1000 connections: 503, and room again when one leaves', async () => {
  const server = await startServer('--max-connections', '1000', '--head-ms', '60000');
  const open = [];
  for (let i = 0; i < 1000; i += 50)
    open.push(...await Promise.all(Array.from({ length: 50 }, () => Raw.open(server.port))));
  await open[0].write(postBytes(legacyCall('stats')));
  const counters = JSON.parse((await open[0].answer()).body).result.structuredContent;
  assert.equal(counters.connections, 1000);
  const more = await Raw.open(server.port);
  await more.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const refused = await more.answer();
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers['retry-after']) > 0);
  assert.equal(refused.headers.connection, 'close');
  await more.closed;
  // Those inside are served all the while.
  await open[500].write(postBytes(legacyCall('echo', { text: 'in' })));
  assert.equal((await open[500].answer()).status, 200);
  await Promise.all(open.splice(0, 10).map((raw) => raw.close()));
  for (const end = Date.now() + 20000; (await post(server, legacyCall('echo', { text: 'room' }))).status !== 200; await sleep(20))
    assert.ok(Date.now() < end, 'no room');
  // A flood of further ones is dropped, and the server lives.
  const flood = await Promise.all(Array.from({ length: 150 }, () => Raw.open(server.port).catch(() => null)));
  await Promise.all(flood.map((raw) => raw?.close()));
  await open[100].write(postBytes(legacyCall('echo', { text: 'in' })));
  assert.equal((await open[100].answer()).status, 200);
  await Promise.all(open.map((raw) => raw.close()));
  await server.stop();
});

test('a limit per address', async () => {
  const server = await startServer('--max-per-address', '3');
  const open = await Promise.all([1, 2, 3].map(() => Raw.open(server.port)));
  const more = await Raw.open(server.port);
  await more.write(postBytes(legacyCall('echo')));
  assert.equal((await more.answer()).status, 503);
  const other = await Raw.open(server.port, { localAddress: '127.0.0.9' });
  await other.write(postBytes(legacyCall('echo', { text: 'x' })));
  assert.equal((await other.answer()).status, 200);
  await Promise.all([...open, more, other].map((raw) => raw.close()));
  await server.stop();
});

describe('a client that does not read', () => {
  let server;
  before(async () => { server = await startServer('--max-output', '200000', '--idle-ms', '2000'); });
  after(() => server.stop());

  const others = async (until) => {
    let served = 0;
    for (const end = Date.now() + 20000; !until(); served++) {
      assert.ok(Date.now() < end, 'the slow client was not dropped');
      const start = Date.now();
      assert.equal((await post(server, legacyCall('echo', { text: 'x' }))).status, 200);
      assert.ok(Date.now() - start < 10000, 'another client had to wait');
      await sleep(5);
    }
    return served;
  };
  // The end of a connection shows only to those who read; so ask the server.
  const isAlone = async () => (await stats(server)).connections <= 1;

  test('is dropped when too many answers wait for it, while others are served', async () => {
    const raw = await Raw.open(server.port);
    raw.socket.pause();
    raw.socket.write(postBytes(legacyCall('big', { bytes: 1000000 })).repeat(40));
    await others(() => server.log.includes('does not read'));
    await raw.close();
  });

  test('is dropped out of a stream, and its call cancelled', async () => {
    server.log = '';
    const earlier = await stats(server);
    const raw = await Raw.open(server.port);
    raw.socket.pause();
    const message = modernCall('sleep', { ms: 30000, steps: 600, note_bytes: 4000000 }, { progressToken: 1 });
    raw.socket.write(modernPost(message));
    await others(() => server.log.includes('does not read'));
    await untilStats(server, (now) => now.cancelled === earlier.cancelled + 1);
    await raw.close();
  });

  test('and holds one long answer is closed when it stands still', async () => {
    const raw = await Raw.open(server.port);
    raw.socket.pause();
    raw.socket.write(postBytes(legacyCall('big', { bytes: 30000000 })));
    await sleep(300);
    for (const end = Date.now() + 20000; !(await isAlone());) {
      assert.ok(Date.now() < end, 'still there');
      await sleep(50);
    }
    await raw.close();
  });

  test('all at once, but goes on reading, is given the time', async () => {
    const socket = net.connect(server.port, '127.0.0.1');
    const start = Date.now();
    let received = 0;
    socket.write(postBytes(legacyCall('big', { bytes: 20000000 }), { Connection: 'close' }));
    socket.on('data', (data) => { // by far not done when the time for idle clients is over
      received += data.length;
      socket.pause();
      setTimeout(() => socket.resume(), 8);
    });
    await new Promise((resolve, reject) => { socket.on('end', resolve); socket.on('error', reject); });
    assert.ok(received > 40000000, `only ${received} bytes`);
    assert.ok(Date.now() - start > 3000, 'too fast to mean anything');
    socket.destroy();
  });

  test('at first, but then does, gets everything', async () => {
    const raw = await Raw.open(server.port);
    raw.socket.pause();
    raw.socket.write(postBytes(legacyCall('big', { bytes: 10000000 })));
    await sleep(300);
    raw.socket.resume();
    assert.equal(JSON.parse((await raw.answer(20000)).body).result.structuredContent.text.length, 10000000);
    await raw.close();
  });
});

describe('a subscription', () => {
  const listen = (id) => ({ jsonrpc: '2.0', id, method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true }, _meta: META } });

  test('is a stream at once, is kept alive, hears of changes, and ends with its connection', async () => {
    const server = await startServer('--keepalive-ms', '100');
    const raw = await Raw.open(server.port);
    await raw.write(modernPost(listen('a')));
    await raw.until((text) => text.includes('notifications/subscriptions/acknowledged'));
    assert.match(raw.text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(raw.text, /Content-Type: text\/event-stream\r\n/);
    assert.doesNotMatch(raw.text, /\nid:|\nretry:/);
    await raw.until((text) => text.split(': keepalive').length > 3);
    await post(server, legacyCall('change'));
    await raw.until((text) => text.includes('notifications/tools/list_changed'));
    await raw.close();
    await untilStats(server, (now) => now.connections <= 1);
    await post(server, legacyCall('change'));
    await server.stop();
  });

  test('ends with its result when the server does, and does not hold it up', async () => {
    const server = await startServer('--drain-ms', '60000');
    const streams = await Promise.all(['a', 'b'].map(async (id) => {
      const raw = await Raw.open(server.port);
      await raw.write(modernPost(listen(id)));
      await raw.until((text) => text.includes('acknowledged'));
      return raw;
    }));
    const busy = await Raw.open(server.port);
    await busy.write(postBytes(legacyCall('sleep', { ms: 400 })));
    await untilStats(server, (now) => now.started === 1);
    const start = Date.now();
    await server.stop();
    assert.ok(Date.now() - start < 20000);
    assert.equal((await busy.answer()).status, 200);
    for (const [i, raw] of streams.entries()) {
      await raw.closed;
      const last = readEvents(unchunk(raw.text)).at(-1);
      assert.equal(last.id, ['a', 'b'][i]);
      assert.equal(last.result.resultType, 'complete');
      assert.equal(last.result._meta['io.modelcontextprotocol/subscriptionId'], last.id);
    }
  });
});

test('what has outlived its time ends while nothing else happens', async () => {
  const server = await startServer();
  const task = modernCall('linger', {}, { 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } });
  const answer = await post(server, task, modernHeaders(task));
  assert.equal(answer.json.result.resultType, 'task');
  for (const end = Date.now() + 20000; !server.log.includes('cancelled linger'); await sleep(20)) assert.ok(Date.now() < end, server.log);
  await server.stop();
});

describe('draining', () => {
  test('a running call ends, idle connections close, nobody new comes in', async () => {
    const server = await startServer();
    const idle = await Raw.open(server.port);
    await idle.write(postBytes(legacyCall('echo')));
    await idle.answer();
    const half = await Raw.open(server.port);
    await half.write('POST /mcp HTT');
    const busy = await Raw.open(server.port);
    await busy.write(postBytes(legacyCall('sleep', { ms: 2000 })) + postBytes(legacyCall('echo')));
    await untilStats(server, (now) => now.started === 1);
    server.child.kill('SIGTERM');
    await idle.closed;
    await half.closed;
    await assert.rejects(Raw.open(server.port));
    const answer = await busy.answer();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.connection, 'close');
    await busy.closed;
    assert.equal(busy.text, '');
    assert.equal(await server.exit, 0, server.log);
  });

  test('a stream ends in order', async () => {
    const server = await startServer();
    const busy = await Raw.open(server.port);
    await busy.write(postBytes(legacyCall('sleep', { ms: 600, steps: 3 }, { progressToken: 1 })));
    await busy.until((text) => text.includes('notifications/progress'));
    server.child.kill('SIGTERM');
    await busy.closed;
    assert.ok(busy.text.endsWith('\r\n0\r\n\r\n'), busy.text);
    assert.equal(readEvents(unchunk(busy.text)).at(-1).id, 1);
    assert.equal(await server.exit, 0, server.log);
  });

  test('what takes too long is cancelled, and its client told', async () => {
    const server = await startServer('--drain-ms', '200');
    const busy = await Raw.open(server.port);
    await busy.write(modernPost(modernCall('sleep', { ms: 60000 })));
    await untilStats(server, (now) => now.started === 1);
    const start = Date.now();
    server.child.kill('SIGTERM');
    assert.equal(JSON.parse((await busy.answer()).body).result.isError, true);
    await busy.closed;
    assert.equal(await server.exit, 0, server.log);
    assert.ok(Date.now() - start < 20000);
  });
});
