// Sessions of the legacy era over HTTP, and event streams that a client can come back to.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import {
  BOTH, Raw, legacyCall, modernCall, modernHeaders, post, postBytes, sleep, startServer, stats,
} from './http_tools.mjs';

const NEWEST = '2025-11-25';

const initialize = (version = NEWEST, capabilities = {}) => ({
  jsonrpc: '2.0', id: 0, method: 'initialize',
  params: { protocolVersion: version, capabilities, clientInfo: { name: 'test', version: '1' } },
});

// Opens a session; returns the headers of its further requests.
async function open(server, version = NEWEST, capabilities = {}) {
  const answer = await post(server, initialize(version, capabilities));
  assert.equal(answer.status, 200, answer.text);
  const id = answer.headers.get('mcp-session-id');
  assert.match(id, /^[0-9a-f]{48}$/);
  const headers = { 'Mcp-Session-Id': id };
  const ready = await post(server, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
  assert.equal(ready.status, 202);
  return headers;
}

// The events of a stream as they arrive: {id, retry, message}, with `comments` beside. Each has a
// connection of its own, which leave() breaks.
class Stream {
  static open(server, headers, body = undefined) {
    const stream = new Stream();
    stream.events = [];
    stream.comments = [];
    stream.isEnded = false;
    return new Promise((resolve, reject) => {
      stream.request = request(`${server.url}/mcp`, {
        agent: false, method: body === undefined ? 'GET' : 'POST',
        headers: { Accept: body === undefined ? 'text/event-stream' : BOTH, ...(body && { 'Content-Type': 'application/json' }), ...headers },
      }, (response) => {
        stream.status = response.statusCode;
        stream.type = response.headers['content-type'];
        stream.ended = stream.#read(response).catch(() => {}).then(() => { stream.isEnded = true; });
        resolve(stream);
      });
      stream.request.on('error', reject);
      stream.request.end(body && JSON.stringify(body));
    });
  }

  async #read(response) {
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) {
      text += chunk;
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) this.#take(text.slice(0, end));
    }
    this.rest = text;
  }

  #take(block) {
    const event = {};
    for (const line of block.split('\n')) {
      const [, name, value] = /^([a-z]*): ?(.*)$/.exec(line);
      if (name === '') this.comments.push(value);
      else event[name] = value;
    }
    if (Object.keys(event).length === 0) return;
    if (event.data) event.message = JSON.parse(event.data);
    this.events.push(event);
  }

  async until(isThere, ms = 30000) {
    for (const end = Date.now() + ms; !isThere(this.events);) {
      assert.ok(Date.now() < end && !this.isEnded, `${this.isEnded ? 'ended' : 'open'}: ${JSON.stringify(this.events)}`);
      await sleep(5);
    }
    return this.events;
  }

  get messages() { return this.events.filter((event) => event.message).map((event) => event.message); }
  get lastId() { return this.events.findLast((event) => event.id)?.id; }

  leave() {
    this.request.destroy();
    return this.ended;
  }
}

async function until(isTrue, what, ms = 30000) {
  for (const end = Date.now() + ms; !(await isTrue());) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await sleep(10);
  }
}

const counters = async (server, headers) =>
  (await post(server, legacyCall('stats', {}, undefined, 'stats'), headers)).json.result.structuredContent;
const restart = (headers, id) => ({ ...headers, 'Last-Event-ID': id });

describe('sessions', () => {
  let server;
  before(async () => { server = await startServer('--sessions', 'true'); });
  after(() => server.stop());

  test('each initialize opens another, and they know their calls', async () => {
    const [a, b] = [await open(server), await open(server)];
    assert.notEqual(a['Mcp-Session-Id'], b['Mcp-Session-Id']);
    for (const headers of [a, b]) {
      const answer = await post(server, legacyCall('echo', { text: 'x' }), headers);
      assert.equal(answer.json.result.structuredContent.text, 'x');
      assert.equal(answer.headers.get('mcp-session-id'), null);
    }
  });

  test('without the header 400, with an unknown one 404, both as JSON-RPC', async () => {
    const headers = await open(server);
    for (const [given, status] of [[{}, 400], [{ 'Mcp-Session-Id': 'x' }, 404], [{ 'Mcp-Session-Id': '0'.repeat(48) }, 404],
      [{ 'Mcp-Session-Id': headers['Mcp-Session-Id'].toUpperCase() }, /[a-f]/.test(headers['Mcp-Session-Id']) ? 404 : 200]]) {
      for (const body of [legacyCall('echo'), { jsonrpc: '2.0', method: 'notifications/initialized' }, { jsonrpc: '2.0', id: 1, result: {} },
        [{ jsonrpc: '2.0', id: 1, method: 'ping' }], { jsonrpc: '2.0', id: 1, method: 'ping' }]) {
        const answer = await post(server, body, given);
        assert.equal(answer.status, status, JSON.stringify([given, body]));
        assert.equal(answer.json?.error.code ?? -32600, -32600);
        assert.equal(answer.json?.jsonrpc ?? '2.0', '2.0');
      }
      for (const method of ['GET', 'DELETE']) {
        const answer = await fetch(`${server.url}/mcp`, { method, headers: { Accept: 'text/event-stream', ...given } });
        if (status === 200) await answer.body?.cancel();
        else assert.equal(answer.status, status);
      }
    }
    // A broken message is told what is wrong with it.
    assert.equal((await post(server, '{')).json.error.code, -32700);
    assert.equal((await post(server, { jsonrpc: '2.0', id: 1 })).json.error.code, -32600);
  });

  test('a modern message needs none, ignores one, gets none', async () => {
    const message = modernCall('echo', { text: 'x' });
    for (const given of [{}, { 'Mcp-Session-Id': 'nonsense', 'Last-Event-ID': '1.1' }]) {
      const answer = await post(server, message, { ...modernHeaders(message), ...given });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('mcp-session-id'), null);
    }
    const first = { ...initialize(), params: { ...initialize().params, _meta: message.params._meta } };
    const refused = await post(server, first, { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'initialize' });
    assert.equal(refused.status, 404);
    assert.equal(refused.headers.get('mcp-session-id'), null);
  });

  test('a stale id on initialize is ignored; one that fails opens nothing', async () => {
    const before = (await counters(server, await open(server))).sessions;
    const answer = await post(server, initialize(), { 'Mcp-Session-Id': 'from before a restart' });
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('mcp-session-id'), /^[0-9a-f]{48}$/);
    const only = await post(server, initialize(), { Accept: 'text/event-stream' });
    assert.match(only.headers.get('mcp-session-id'), /^[0-9a-f]{48}$/);
    const bad = await post(server, { jsonrpc: '2.0', id: 1, method: 'initialize', params: 7 });
    assert.ok(bad.json.error);
    assert.equal(bad.headers.get('mcp-session-id'), null);
    assert.equal((await counters(server, await open(server))).sessions, before + 3);
  });

  test('DELETE ends one: 204, then 404; its stream ends and its calls are cancelled', async () => {
    const headers = await open(server), other = await open(server);
    const listening = await Stream.open(server, headers);
    const { cancelled, started } = await counters(server, other);
    const calling = await Stream.open(server, headers, legacyCall('sleep', { ms: 60000 }));
    const waiting = post(server, legacyCall('sleep', { ms: 60000 }, undefined, 2), { ...headers, Accept: 'application/json' });
    await until(async () => (await counters(server, other)).started === started + 2, 'both calls run');
    assert.equal((await fetch(`${server.url}/mcp`, { method: 'DELETE', headers })).status, 204);
    await listening.ended;
    await calling.ended;
    assert.equal(calling.messages.length, 0);
    assert.equal((await waiting).status, 404);
    await until(async () => (await counters(server, other)).cancelled === cancelled + 2, 'both are cancelled');
    assert.equal((await fetch(`${server.url}/mcp`, { method: 'DELETE', headers })).status, 404);
    assert.equal((await post(server, legacyCall('echo'), headers)).status, 404);
  });

  test('a DELETE in the pipe behind a call that it would end waits for the call', async () => {
    const headers = await open(server);
    const raw = await Raw.open(server.port);
    const id = headers['Mcp-Session-Id'];
    await raw.write(postBytes(legacyCall('sleep', { ms: 100 }), { 'Mcp-Session-Id': id, Accept: 'application/json' }) +
      `DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: ${id}\r\n\r\n` +
      postBytes(legacyCall('echo'), { 'Mcp-Session-Id': id }));
    assert.equal((await raw.answer()).status, 200);
    assert.equal((await raw.answer()).status, 204);
    assert.equal((await raw.answer()).status, 404);
    await raw.close();
  });

  test('a call is cancelled by another POST of its session, not by one of another', async () => {
    const mine = await open(server), other = await open(server);
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 7 } };
    const { cancelled } = await counters(server, mine);
    const call = await Stream.open(server, mine, legacyCall('sleep', { ms: 60000 }, undefined, 7));
    await call.until((events) => events.length > 0);
    assert.equal((await post(server, cancel, other)).status, 202);
    await sleep(50);
    assert.equal((await counters(server, mine)).cancelled, cancelled);
    assert.equal((await post(server, cancel, mine)).status, 202);
    await call.ended;
    assert.equal(call.messages.length, 0);
    assert.equal((await counters(server, mine)).cancelled, cancelled + 1);
  });

  test('what the server asks in a stream is answered by another POST', async () => {
    const headers = await open(server, NEWEST, { elicitation: {} });
    const call = await Stream.open(server, headers, legacyCall('ask', { question: 'Who?' }));
    const question = (await call.until((events) => events.some((event) => event.message)))
      .find((event) => event.message).message;
    assert.equal(question.method, 'elicitation/create');
    assert.equal(question.params.message, 'Who?');
    const answer = { jsonrpc: '2.0', id: question.id, result: { action: 'accept', content: { name: 'Ada' } } };
    // Not from another session.
    assert.equal((await post(server, answer, await open(server))).status, 202);
    assert.equal((await post(server, answer, headers)).status, 202);
    await call.ended;
    assert.equal(call.messages.at(-1).result.structuredContent.answer.content.name, 'Ada');
  });

  test('changes go to the open stream of each session', async () => {
    const headers = await open(server), older = await open(server, '2025-03-26');
    const streams = [await Stream.open(server, headers), await Stream.open(server, older)];
    assert.equal(streams[0].type, 'text/event-stream');
    await post(server, legacyCall('change'), headers);
    for (const stream of streams) {
      const [message] = (await stream.until((events) => events.some((event) => event.message))) && stream.messages;
      assert.equal(message.method, 'notifications/tools/list_changed');
      assert.match(stream.lastId, /^\d+\.1$/);
      await stream.leave();
    }
  });

  test('a second stream takes the place of the first', async () => {
    const headers = await open(server);
    const first = await Stream.open(server, headers), second = await Stream.open(server, headers);
    await first.ended;
    await post(server, legacyCall('change'), headers);
    await second.until((events) => events.some((event) => event.message));
    assert.equal(first.messages.length, 0);
    await second.leave();
  });

  test('GET must accept event streams, HEAD is not for it, OPTIONS names them', async () => {
    const headers = await open(server);
    assert.equal((await fetch(`${server.url}/mcp`, { headers: { ...headers, Accept: 'application/json' } })).status, 406);
    assert.equal((await fetch(`${server.url}/mcp`, { method: 'HEAD', headers: { ...headers, Accept: 'text/event-stream' } })).status, 405);
    const put = await fetch(`${server.url}/mcp`, { method: 'PUT', headers });
    assert.equal(put.headers.get('allow'), 'POST, GET, DELETE, OPTIONS');
    const preflight = await fetch(`${server.url}/mcp`, { method: 'OPTIONS', headers: { Origin: 'http://localhost:5173' } });
    assert.equal(preflight.headers.get('access-control-allow-methods'), 'POST, GET, DELETE');
  });
});

describe('coming back', () => {
  let server;
  before(async () => { server = await startServer('--sessions', 'true'); });
  after(() => server.stop());
  const working = (ms, steps, more = {}, id = 1) => legacyCall('sleep', { ms, steps, ...more }, { progressToken: 'p' }, id);

  test('a call that takes time begins with an id, from 2025-11-25 on', async () => {
    const call = await Stream.open(server, await open(server), legacyCall('sleep', { ms: 50 }));
    await call.ended;
    assert.deepEqual(call.events.map((event) => [event.id.split('.')[1], event.data === '']), [['0', true], ['1', false]]);
    // One that is answered at once needs no stream, and an older client would not understand it.
    assert.ok((await post(server, legacyCall('echo', { text: 'x' }), await open(server))).json);
    const older = await post(server, legacyCall('sleep', { ms: 50 }), await open(server, '2025-06-18'));
    assert.equal(older.json.result.structuredContent.steps, 1);
    const streamed = await Stream.open(server, await open(server, '2025-06-18'), working(60, 2));
    await streamed.ended;
    assert.deepEqual(streamed.events.map((event) => event.id.split('.')[1]), ['1', '2']);
    assert.ok(streamed.events.every((event) => event.message));
  });

  test('every event of a session has an id of its own', async () => {
    const headers = await open(server);
    const calls = await Promise.all([1, 2, 3].map((id) => Stream.open(server, headers, working(80, 3, {}, id))));
    await Promise.all(calls.map((call) => call.ended));
    const ids = calls.flatMap((call) => call.events.map((event) => event.id));
    assert.equal(new Set(ids).size, ids.length);
    for (const call of calls) assert.equal(new Set(call.events.map((event) => event.id.split('.')[0])).size, 1);
  });

  test('let go: retry, the end of the stream, and the answer to who comes back', async () => {
    const headers = await open(server);
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(working(600, 3, { let_go: 50 }), headers));
    const text = await raw.until((all) => all.endsWith('\r\n0\r\n\r\n'));
    assert.match(text, /id: 1\.0\nevent: message\ndata: \n\n/);
    assert.match(text, /retry: 50\nevent: message\ndata: \n\n/);
    await raw.close();
    const back = await Stream.open(server, restart(headers, '1.0'));
    assert.equal(back.status, 200);
    await back.ended;
    assert.deepEqual(back.messages.map((message) => message.method ?? message.id), ['notifications/progress', 'notifications/progress', 1]);
    // And once more, after only some of it.
    const again = await Stream.open(server, restart(headers, '1.2'));
    await again.ended;
    assert.deepEqual(again.messages, back.messages.slice(2));
  });

  test('let go in the middle, and back after the answer', async () => {
    const headers = await open(server);
    const { finished } = await counters(server, headers);
    const call = await Stream.open(server, headers, working(200, 4, { let_go: 10, let_go_step: 1 }));
    await call.ended;
    assert.equal(call.messages.length, 1);
    assert.equal(call.events.at(-1).retry, '10');
    await until(async () => (await counters(server, headers)).finished === finished + 1, 'the call ends');
    const back = await Stream.open(server, restart(headers, call.lastId));
    await back.ended;
    assert.equal(back.messages.at(-1).result.structuredContent.steps, 4);
    assert.equal(back.messages.length + call.messages.length, 4);
  });

  test('an older client is not let go', async () => {
    const call = await Stream.open(server, await open(server, '2025-06-18'), working(80, 2, { let_go: 10 }));
    await call.ended;
    assert.equal(call.messages.at(-1).id, 1);
    assert.ok(call.events.every((event) => event.retry === undefined && event.data !== ''));
  });

  test('a client that lost its connection comes back the same way, while the call runs or later', async () => {
    for (const version of [NEWEST, '2025-06-18']) {
      const headers = await open(server, version);
      const { started, finished, cancelled } = await counters(server, headers);
      const call = await Stream.open(server, headers, working(500, 5));
      await call.until((events) => events.some((event) => event.message));
      await call.leave();
      const back = await Stream.open(server, restart(headers, call.lastId));
      await back.until((events) => events.some((event) => event.message));
      await back.leave();
      await until(async () => (await counters(server, headers)).finished === finished + 1, 'the call ends');
      const late = await Stream.open(server, restart(headers, back.lastId));
      await late.ended;
      const all = [...call.messages, ...back.messages, ...late.messages];
      assert.equal(all.at(-1).result.structuredContent.steps, 5);
      assert.deepEqual(all.slice(0, -1).map((message) => message.params.progress), [1, 2, 3, 4]);
      const later = await counters(server, headers);
      assert.equal(later.cancelled, cancelled);
      assert.equal(later.started, started + 1);
    }
  });

  test('who comes back while the old connection still seems open takes the stream over', async () => {
    const headers = await open(server);
    const call = await Stream.open(server, headers, working(400, 4));
    await call.until((events) => events.some((event) => event.message));
    const back = await Stream.open(server, restart(headers, call.events[0].id));
    await call.ended;
    await back.ended;
    assert.deepEqual(back.messages.slice(0, -1).map((message) => message.params.progress), [1, 2, 3]);
    assert.equal(back.messages.at(-1).id, 1);
  });

  test('changes that came meanwhile are there when the stream is taken up again', async () => {
    const headers = await open(server);
    const first = await Stream.open(server, headers);
    await first.until((events) => events.length > 0);
    await first.leave();
    await post(server, legacyCall('change'), headers);
    const back = await Stream.open(server, restart(headers, first.lastId));
    await back.until((events) => events.some((event) => event.message));
    await post(server, legacyCall('change'), headers);
    await back.until((events) => events.filter((event) => event.message).length === 2);
    assert.equal(new Set(back.events.map((event) => event.id)).size, 2);
    await back.leave();
  });

  test('nothing of one stream or session shows in another', async () => {
    const mine = await open(server), other = await open(server);
    const call = await Stream.open(server, mine, working(60, 2));
    const second = await Stream.open(server, mine, working(60, 2, {}, 2));
    await call.ended;
    await second.ended;
    const back = await Stream.open(server, restart(mine, call.events[0].id));
    await back.ended;
    assert.deepEqual(back.messages, call.messages);
    assert.equal((await Stream.open(server, restart(other, call.events[0].id))).status, 400);
  });

  test('ids that lead nowhere: 400 with the reason', async () => {
    const headers = await open(server);
    const call = await Stream.open(server, headers, working(60, 2));
    await call.ended;
    for (const id of ['x', '1', '1.', '.1', '0.0', '1.99', '99.0', '1.1x', '-1.0', '1.-1', '99999999999999999999999.0', ' 1.0 1']) {
      const answer = await fetch(`${server.url}/mcp`, { headers: { ...restart(headers, id), Accept: 'text/event-stream' } });
      assert.equal(answer.status, 400, id);
      assert.match((await answer.json()).error.message, /Last-Event-ID/);
    }
    const end = await fetch(`${server.url}/mcp`, { headers: { ...restart(headers, call.lastId), Accept: 'text/event-stream' } });
    assert.equal(end.status, 400);
    assert.match((await end.json()).error.message, /ended/);
  });
});

describe('bounds', () => {
  test('of events: the oldest are forgotten, the answers last, and a resume says so', async () => {
    const server = await startServer('--sessions', 'true', '--session-events', '4');
    const headers = await open(server);
    const call = await Stream.open(server, headers, legacyCall('sleep', { ms: 300, steps: 5 }, { progressToken: 1 }));
    await call.ended;
    assert.ok(call.events.length >= 5);
    const back = await Stream.open(server, restart(headers, call.events[0].id));
    await back.ended;
    assert.match(back.comments[0], /^\d+ earlier events? (is|are) no longer kept$/);
    assert.equal(back.messages.length, 4);
    assert.deepEqual(back.messages, call.messages.slice(-4));
    for (let id = 2; id < 8; id++)
      await (await Stream.open(server, headers, legacyCall('sleep', { ms: 5 }, undefined, id))).ended;
    const gone = await fetch(`${server.url}/mcp`, { headers: { ...restart(headers, call.events[0].id), Accept: 'text/event-stream' } });
    assert.equal(gone.status, 400);
    assert.match((await gone.json()).error.message, /no longer kept/);
    await server.stop();
  });

  test('of bytes, in one session and in all', async () => {
    for (const flag of ['--session-bytes', '--sessions-bytes']) {
      const server = await startServer('--sessions', 'true', flag, '100000');
      const first = await open(server), second = await open(server);
      const note = { ms: 200, steps: 3, note_bytes: 60000 };
      const early = await Stream.open(server, first, legacyCall('sleep', note, { progressToken: 1 }));
      await early.ended;
      assert.equal(early.messages.length, 3);
      const headers = flag === '--session-bytes' ? first : second;
      const late = await Stream.open(server, headers, legacyCall('sleep', note, { progressToken: 1 }));
      await late.ended;
      // Of itself a session keeps the answer longest; of all the one used last.
      const back = await Stream.open(server, restart(first, early.events[0].id));
      await back.ended;
      assert.equal(back.status, flag === '--session-bytes' ? 200 : 400);
      assert.deepEqual(back.messages, flag === '--session-bytes' ? early.messages.slice(2) : []);
      const again = await Stream.open(server, restart(headers, late.events[0].id));
      await again.ended;
      assert.deepEqual(again.messages, late.messages.slice(1));
      await server.stop();
    }
  });

  test('of sessions: the one that idles longest makes room, a busy one never', async () => {
    const server = await startServer('--sessions', 'true', '--max-sessions', '3');
    const all = [await open(server), await open(server), await open(server)];
    const busy = await Stream.open(server, all[0]);
    await post(server, legacyCall('echo'), all[1]);
    const fourth = await open(server);
    assert.equal((await post(server, legacyCall('echo'), all[2])).status, 404);
    for (const headers of [all[0], all[1], fourth]) assert.equal((await post(server, legacyCall('echo'), headers)).status, 200);
    const others = [await Stream.open(server, all[1]), await Stream.open(server, fourth)];
    const full = await post(server, initialize());
    assert.equal(full.status, 503);
    assert.equal(full.headers.get('mcp-session-id'), null);
    await Promise.all([busy, ...others].map((stream) => stream.leave()));
    await until(async () => (await post(server, initialize())).status === 200, 'room again');
    await server.stop();
  });

  test('of time: one that nobody uses ends, one with a stream does not', async () => {
    const server = await startServer('--sessions', 'true', '--session-idle-ms', '5000');
    const used = await open(server), idle = await open(server);
    const stream = await Stream.open(server, used);
    await until(async () => (await counters(server, used)).sessions === 1, 'the idle one ends');
    assert.equal((await post(server, legacyCall('echo'), idle)).status, 404);
    assert.equal((await post(server, legacyCall('echo'), used)).status, 200);
    await stream.leave();
    await server.stop();
  });
});

test('at the end: calls are waited for, streams are not', async () => {
  const server = await startServer('--sessions', 'true', '--drain-ms', '20000');
  const headers = await open(server);
  const listening = await Stream.open(server, headers);
  const call = await Stream.open(server, headers, legacyCall('sleep', { ms: 500 }));
  await call.until((events) => events.length > 0);
  const start = Date.now();
  await server.stop();
  await listening.ended;
  await call.ended;
  assert.equal(listening.rest, '');
  assert.equal(call.messages.at(-1).result.structuredContent.steps, 1);
  assert.ok(Date.now() - start < 10000, 'the stream held up the end');
});

test('without sessions GET and DELETE are 405, and no session is opened', async () => {
  const server = await startServer();
  const answer = await post(server, initialize());
  assert.equal(answer.headers.get('mcp-session-id'), null);
  assert.equal((await stats(server)).sessions, 0);
  for (const method of ['GET', 'DELETE']) {
    const refused = await fetch(`${server.url}/mcp`, { method, headers: { Accept: 'text/event-stream', 'Mcp-Session-Id': 'x' } });
    assert.equal(refused.status, 405);
  }
  await server.stop();
});

test('a storm of clients that do everything at once leaves nothing behind', async () => {
  const server = await startServer('--sessions', 'true', '--max-sessions', '6', '--session-events', '12', '--session-bytes', '20000');
  let seed = 20260728;
  const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 65536) % n; };
  const known = [], ids = ['1.0', '1.1', '2.0', '99.1'];
  const answers = { total: 0 };
  const call = (tools = ['sleep', 'change', 'echo']) => legacyCall(tools[random(tools.length)],
    { ms: random(60), steps: 1 + random(4), note_bytes: random(3000), let_go: random(2) * 10, let_go_step: random(3) }, { progressToken: 1 }, random(20));
  const step = {
    open: async () => {
      const answer = await post(server, initialize([NEWEST, '2025-06-18', '2025-03-26'][random(3)], random(2) ? { elicitation: {} } : {}));
      const id = answer.headers.get('mcp-session-id');
      if (id) known.push({ 'Mcp-Session-Id': id });
    },
    call: async (headers) => { await (await Stream.open(server, headers, call())).ended; },
    leave: async (headers) => {
      const stream = await Stream.open(server, headers, call(['sleep', 'ask']));
      await sleep(random(20));
      for (const event of stream.events) if (event.id) ids.push(event.id);
      await stream.leave();
    },
    listen: async (headers) => {
      const stream = await Stream.open(server, headers);
      await sleep(random(40));
      await stream.leave();
    },
    resume: async (headers) => {
      const stream = await Stream.open(server, restart(headers, ids[random(ids.length)]));
      await sleep(random(40));
      await stream.leave();
    },
    cancel: (headers) => post(server, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: random(20) } }, headers),
    answer: (headers) => post(server, { jsonrpc: '2.0', id: random(5), result: { action: 'decline' } }, headers),
    end: (headers) => fetch(`${server.url}/mcp`, { method: 'DELETE', headers }),
    pipe: async (headers) => {
      const raw = await Raw.open(server.port);
      raw.socket.write(postBytes(call(['sleep', 'ask', 'echo']), headers) + `DELETE /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: ${headers['Mcp-Session-Id']}\r\n\r\n` +
        postBytes(call(), headers) + `GET /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: ${headers['Mcp-Session-Id']}\r\n\r\n`);
      await sleep(random(50));
      await (random(2) ? raw.close() : new Promise((resolve) => { raw.socket.on('close', resolve); raw.socket.resetAndDestroy(); }));
    },
  };
  const names = Object.keys(step);
  await step.open();
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let i = 0; i < 40; i++) {
      const name = names[random(names.length)];
      await step[name](known[known.length - 1 - random(Math.min(known.length, 6))] ?? {});
      answers.total += 1;
    }
  }));
  assert.equal(answers.total, 320);
  assert.equal((await post(server, { jsonrpc: '2.0', id: 1, method: 'ping' })).status, 400);
  await server.stop();
});
