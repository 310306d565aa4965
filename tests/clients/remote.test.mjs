// The program over a server: calls that take long, what is told meanwhile, how they end in time, how
// they become tasks, that their queries stop with them; tables that come and change; recordings.
// Slow is a view that takes minutes to read.
//   SEXTANT_BIN=build/sextant node --test tests/clients/remote.test.mjs
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { spawn } from '../children.mjs';
import { missing, startEndpoint } from '../engines/endpoint_helper.mjs';
import { META, RawStdio, SEXTANT, environment, post } from './store.mjs';

const problem = missing();
const WAIT_MS = 30000; // beyond it something is missing, not late
const SLOW = (name) => `CREATE OR REPLACE VIEW slow.${name} AS SELECT fromUnixTimestamp64Micro(toInt64(1770000000000000 + number * 1000)) AS time,
  'e' AS event, hex(sipHash128(number % 3)) AS actor, map('k', hex(sipHash128(number))) AS properties FROM numbers(200000000000)`;
const CALL = { name: 'run_funnel', arguments: { source: 'slow', steps: [{}] } };
const TASKS = { ...META, 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } };
const LIMITS = ['--call-seconds', '4', '--task-after-seconds', '1', '--task-seconds', '600'];

describe('over a server', { skip: problem || false }, () => {
  let endpoint, env;
  before(async () => {
    endpoint = await startEndpoint();
    for (const body of ['CREATE DATABASE slow', SLOW('slow'), SLOW('other')])
      assert.equal((await fetch(endpoint.url, { method: 'POST', body })).status, 200);
    env = { ...environment('/nonexistent'), CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: String(endpoint.port), CLICKHOUSE_SECURE: 'false',
      CLICKHOUSE_DATABASE: 'slow' };
  });
  after(async () => {
    await endpoint?.stop();
  });

  // A server over the slow source; without --data the server of the environment is used.
  const open = (...flags) => new RawStdio({ env }, ...LIMITS, ...flags);

  async function until(wanted) {
    for (const end = Date.now() + WAIT_MS; ((await endpoint.running()).length > 0) !== wanted; await sleep(20))
      assert.ok(Date.now() < end, `queries ${wanted ? 'never start' : 'still run'}`);
  }

  async function task(side, taskId, wanted) {
    for (const end = Date.now() + WAIT_MS; ; await sleep(100)) {
      const { result, error } = await side.request('tasks/get', { taskId }, { meta: TASKS });
      assert.ok(result, error?.message);
      if (wanted(result)) return result;
      assert.ok(Date.now() < end, JSON.stringify(result));
    }
  }

  test('without tasks a call ends in time and says how to ask for less', { timeout: 120000 }, async () => {
    const side = open();
    const token = { ...META, progressToken: 'p', 'io.modelcontextprotocol/logLevel': 'debug' };
    const begin = Date.now();
    const result = await side.call(CALL.name, CALL.arguments, { meta: token });
    assert.ok(Date.now() - begin < 20000, 'four seconds, and what a loaded machine adds');
    assert.equal(result.isError, true);
    assert.equal(result._meta.error.code, 'timeout');
    assert.match(result.content[0].text, /ran longer than the 4 s .*shorter period \(from, to.*filters/);
    assert.doesNotMatch(result.content[0].text, /breakdown|fields/, 'none was asked for');
    await until(false);

    const progress = side.messages.filter((m) => m.method === 'notifications/progress').map((m) => m.params);
    assert.ok(progress.length > 0);
    progress.forEach((p, i) => {
      assert.equal(p.progressToken, 'p');
      assert.ok(i === 0 || p.progress > progress[i - 1].progress, 'progress goes forward');
    });
    assert.ok(progress.some((p) => p.total === 2e11 && / of 200,000,000,000 rows read$/.test(p.message)), JSON.stringify(progress));
    const logged = side.messages.filter((m) => m.method === 'notifications/message').map((m) => m.params);
    assert.deepEqual(logged.map((m) => [m.level, m.data.message, m.data.tool]),
      [['debug', 'call started', 'run_funnel'], ['warning', 'call ended', 'run_funnel']]);
    assert.equal(logged[1].data.result, 'timeout');
    assert.ok(logged[1].data.ms >= 4000 && logged[1].data.rows_read > 0);

    // Nothing is logged, and no progress told, where nobody asked for it.
    side.messages.length = 0;
    await side.call(CALL.name, CALL.arguments);
    assert.ok(side.messages.every((m) => !m.method));
    await side.close();
  });

  test('many calls that wait for each other end in time, too', { timeout: 120000 }, async () => {
    const side = open();
    const begin = Date.now();
    const results = await Promise.all(Array.from({ length: 9 }, () => side.call(CALL.name, CALL.arguments)));
    assert.ok(Date.now() - begin < 25000);
    for (const result of results) assert.equal(result._meta.error.code, 'timeout');
    await until(false);
    await side.close();
  });

  test('a call that has nothing to tell says that it lives', { timeout: 120000 }, async () => {
    const side = open('--call-seconds', '25');
    // Twice as many as run at a time; the next one waits for them once they read the view.
    for (let i = 0; i < 8; i += 1) side.call(CALL.name, CALL.arguments).catch(() => {});
    const reading = async () => (await endpoint.running()).filter(([, query]) => query.sql.includes('`slow`')).length;
    for (const end = Date.now() + WAIT_MS; await reading() < 4; await sleep(20)) assert.ok(Date.now() < end);
    side.call(CALL.name, CALL.arguments, { meta: { ...META, progressToken: 'w' } }).catch(() => {});
    const { params } = await side.until((m) => m.method === 'notifications/progress');
    assert.equal(params.progressToken, 'w');
    assert.ok(params.progress > 0);
    assert.match(params.message, /^waiting for the database, \d+ s$/);
    const next = (await side.until((m) => m.method === 'notifications/progress')).params;
    assert.ok(next.progress > params.progress);
    side.child.stdin.end();
    await side.gone;
    await until(false);
  });

  test('with tasks it becomes one; cancelling it stops the query', { timeout: 120000 }, async () => {
    const side = open();
    const { result } = await side.request('tools/call', CALL, { meta: { ...TASKS, progressToken: 'p' } });
    assert.equal(result.resultType, 'task');
    assert.equal(result.status, 'working');
    const { taskId } = result;
    const begin = Date.now();
    // It outlives the limit of a call that is no task, and tells how far it is.
    await task(side, taskId, (t) => Date.now() - begin > 6000 && / of 200,000,000,000 rows read$/.test(t.statusMessage));
    assert.ok((await endpoint.running()).length > 0);
    const told = side.messages.findIndex((m) => m.id !== undefined && m.result?.resultType === 'task');
    assert.ok(side.messages.slice(told).every((m) => m.method !== 'notifications/progress'), 'no progress of tasks');
    await side.request('tasks/cancel', { taskId }, { meta: TASKS });
    await until(false);
    assert.equal((await task(side, taskId, (t) => t.status !== 'working')).status, 'cancelled');
    await side.close();
  });

  test('a task is over at its limit', { timeout: 120000 }, async () => {
    const side = open('--task-seconds', '4');
    const { result: { taskId } } = await side.request('tools/call', CALL, { meta: TASKS });
    const ended = await task(side, taskId, (t) => t.status !== 'working');
    assert.equal(ended.status, 'completed');
    assert.equal(ended.result.isError, true);
    assert.match(ended.result.content[0].text, /ran longer than the 4 s/);
    await until(false);
    await side.close();
  });

  test('over HTTP a task goes on when its client is away, and ends with the server', { timeout: 120000 }, async () => {
    const child = spawn(SEXTANT, ['serve', '--listen', '127.0.0.1:0', ...LIMITS], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    child.stderr.setEncoding('utf8');
    const url = await new Promise((resolve) => {
      child.stderr.on('data', (text) => {
        log += text;
        const found = /http:\/\/[^\s"]+:\d+\/mcp/.exec(log);
        if (found) resolve(found[0]);
      });
    });
    const ask = async (method, params, name) => {
      const { json, text } = await post(url, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: TASKS } }),
        { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': method, 'Mcp-Name': name });
      const message = json ?? JSON.parse(text.split('\n').findLast((line) => line.startsWith('data: ')).slice(6));
      assert.ok(message.result, text);
      return message.result;
    };
    const { taskId } = await ask('tools/call', CALL, CALL.name);
    await sleep(1000); // no connection is open
    assert.equal((await ask('tasks/get', { taskId }, taskId)).status, 'working');
    assert.ok((await endpoint.running()).length > 0);
    child.kill('SIGTERM');
    await until(false);
  });

  test('what changes on a server is told to those who listen', { timeout: 120000 }, async () => {
    const side = open('--watch-seconds', '1');
    const sql = async (body) => assert.equal((await fetch(endpoint.url, { method: 'POST', body })).status, 200);
    const told = (method, uri) => side.messages.some((m) => m.method === method && (!uri || m.params.uri === uri));
    const within = async (ms, holds) => {
      for (const end = Date.now() + ms; !holds() && Date.now() < end;) await sleep(50);
      return holds();
    };
    side.request('subscriptions/listen', { notifications: { resourcesListChanged: true, resourceSubscriptions: ['sextant://sources', 'sextant://events/made_1'] } })
      .catch(() => {}); // has no answer before its end
    // What changed before the server's first look is no news.
    for (let round = 1; !told('notifications/resources/list_changed'); round += 1) {
      assert.ok(round < 20, 'no word of a new table');
      await sql(`CREATE TABLE slow.made_${round} (time DateTime64(6, 'UTC'), event String, actor String,
        properties Map(String, String)) ENGINE = MergeTree ORDER BY time`);
      await within(3000, () => told('notifications/resources/list_changed'));
    }
    assert.ok(await within(WAIT_MS, () => told('notifications/resources/updated', 'sextant://sources')));
    side.messages.length = 0;
    await sql(`INSERT INTO slow.made_1 SELECT now64(6), 'ping', 'a', map()`);
    assert.ok(await within(WAIT_MS, () => told('notifications/resources/updated', 'sextant://events/made_1')), JSON.stringify(side.messages));
    const { result } = await side.request('resources/read', { uri: 'sextant://events/made_1' });
    assert.equal(JSON.parse(result.contents[0].text).events[0].event, 'ping');
    await side.close();
    await sql('DROP TABLE slow.made_1');
  });

  // Recordings as a browser's exporter writes them: an event that is too long in chunks, rows out of
  // order and delivered twice, a chunk that never came, a body that is no event.
  const RECORDINGS = [`CREATE TABLE slow.otel_traces (Timestamp DateTime64(9, 'UTC'), TraceId String, SpanId String, SpanName String, ServiceName String,
      ResourceAttributes Map(String, String), SpanAttributes Map(String, String), Duration UInt64, StatusCode String) ENGINE = MergeTree ORDER BY Timestamp`,
  `CREATE TABLE slow.hyperdx_sessions (Timestamp DateTime64(9, 'UTC'), ServiceName String, Body String,
      ResourceAttributes Map(String, String), LogAttributes Map(String, String)) ENGINE = MergeTree ORDER BY Timestamp`,
  `INSERT INTO slow.otel_traces SELECT '2026-03-01 10:00:00', 't', toString(number), 'click', 'web', map('rum.sessionId', 'short/1'), map(), 0, 'Ok' FROM numbers(3)`,
  `INSERT INTO slow.hyperdx_sessions WITH 1772359200000 AS began, number + 1 AS event, concat('{"type":3,"data":{"n":', toString(number), ',"html":"é\\\\n"},"timestamp":', toString(began + number * 10), '}') AS text,
      arrayJoin(if(number = 2, [1, 2, 2], if(number = 4, [1], [0]))) AS chunk
    SELECT fromUnixTimestamp64Milli(toInt64(began + number * 10), 'UTC'), 'web',
      multiIf(number = 5, 'no event', number = 2 AND chunk = 1, substring(text, 1, 20), number = 2, substring(text, 21), text),
      map('rum.sessionId', 'short/1', 'rum.scriptInstance', 'i'),
      map('rr-web.event', toString(event), 'rr-web.chunk', toString(greatest(chunk, 1)), 'rr-web.total-chunks', if(chunk = 0, '1', '2'), 'rr-web.offset', toString(number * 10 + greatest(chunk, 1)))
    FROM numbers(8)`,
  `INSERT INTO slow.hyperdx_sessions WITH 1772359200000 AS began
    SELECT fromUnixTimestamp64Milli(toInt64(began + number * 10), 'UTC'), 'web',
      concat('{"type":3,"data":{"n":', toString(number), ',"text":"', repeat('x', 900000), '"},"timestamp":', toString(began + number * 10), '}'),
      map('rum.sessionId', 'long', 'rum.scriptInstance', 'i'), map('rr-web.event', toString(number + 1), 'rr-web.chunk', '1', 'rr-web.total-chunks', '1', 'rr-web.offset', toString(number + 1))
    FROM numbers(7)`];

  test('recordings as blobs, long ones in parts', { timeout: 120000 }, async () => {
    for (const body of RECORDINGS) {
      const response = await fetch(endpoint.url, { method: 'POST', body });
      assert.equal(response.status, 200, await response.text());
    }
    const side = open();
    const readBlob = async (uri) => {
      const { result, error } = await side.request('resources/read', { uri });
      if (error) return { error };
      assert.equal(result.contents[0].mimeType, 'application/json');
      return { events: JSON.parse(Buffer.from(result.contents[0].blob, 'base64')) };
    };
    const short = await readBlob('sextant://session/short%2F1/replay');
    assert.deepEqual(short.events?.map((e) => e.data.n), [0, 1, 2, 3, 6, 7], short.error?.message);
    assert.equal(short.events[2].data.html, 'é\n');
    const { error } = await readBlob('sextant://session/long/replay');
    assert.match(error.message, /6\.3 MB.* in 4 parts, sextant:\/\/session\/long\/replay\/1 to 4/);
    const parts = [];
    for (let part = 1; part <= 4; part += 1) parts.push(...(await readBlob(`sextant://session/long/replay/${part}`)).events);
    assert.deepEqual(parts.map((e) => e.data.n), [0, 1, 2, 3, 4, 5, 6]);
    assert.match((await readBlob('sextant://session/long/replay/5')).error.message, /4 parts/);
    assert.match((await readBlob('sextant://session/long/replay/x')).error.message, /part/);
    await side.close();
    for (const table of ['otel_traces', 'hyperdx_sessions']) await fetch(endpoint.url, { method: 'POST', body: `DROP TABLE slow.${table}` });
  });

  test('a client that cannot be asked for the source, and one that reads a resource meanwhile', { timeout: 120000 }, async () => {
    const side = open();
    const result = await side.call('run_funnel', { steps: [{}] });
    assert.match(result.content[0].text, /several sources, name one of: .*other, slow/);
    const long = side.call(CALL.name, CALL.arguments);
    const { result: guide } = await side.request('resources/read', { uri: 'sextant://guide/start' });
    assert.equal(guide.contents[0].mimeType, 'text/markdown');
    // Facts that take long are left out of a prompt, the prompt is not.
    const { result: prompt } = await side.request('prompts/get', { name: 'weekly_report', arguments: {} });
    assert.match(prompt.messages[0].content.text, /list_sources/);
    const { result: completed } = await side.request('completion/complete',
      { ref: { type: 'ref/resource', uri: 'sextant://schema/{source}' }, argument: { name: 'source', value: '' } });
    assert.ok(['other', 'slow'].every((name) => completed.completion.values.includes(name)));
    assert.equal((await long).isError, true);
    await side.close();
  });
});
