// What a careless or hostile client sends to the built program: each is answered by name, nothing of
// it reaches SQL as text, the data stays, and the server goes on serving.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';

import Ajv2020 from 'ajv/dist/2020.js';

import { attacks } from './hostile.mjs';
import { RawStdio, SEXTANT, Store, engineProblem, post, postCall } from './store.mjs';
import { closed, tools } from './tools.mjs';

const problem = engineProblem();
const CALLS_AT_ONCE = 4;
// What only an engine that was sent nonsense would say, or we about ourselves.
const LEAKS = /DB::|Exception|ClickHouse error|Syntax error|Stack trace|internal|sextant\.shop|SELECT |\bFROM\b/;
const MEGABYTE = 1 << 20;

describe('abuse', { skip: problem || false }, () => {
  let store, server, schemas, validators;
  before(async () => {
    store = new Store();
    server = new RawStdio(store);
    const listed = JSON.parse(spawnSync(SEXTANT, ['tools', '--json', '--data', store.data],
      { encoding: 'utf8', env: store.env }).stdout);
    schemas = Object.fromEntries(listed.map((tool) => [tool.name, tool.inputSchema]));
    const ajv = new Ajv2020({ strict: true });
    validators = Object.fromEntries(listed.map((tool) => [tool.name, ajv.compile(closed(tool.outputSchema))]));
  });
  after(async () => {
    await server?.close();
    store?.remove();
  });

  // The server is alive and all rows are there.
  async function expectIntact() {
    const { structuredContent } = await server.call('list_sources', {});
    tools.list_sources.good[0].check(structuredContent, store);
    assert.equal(structuredContent.sources.length, 1);
  }

  // A result as declared, or an error of the caller's making. Returns whether it was a result.
  function expectClean(name, what, result) {
    if (!result.isError && result.content) {
      assert.ok(validators[name](result.structuredContent), `${name} ${what}: ${JSON.stringify(validators[name].errors)}`);
      return true;
    }
    assert.equal(result.structuredContent, undefined, `${name} ${what}`);
    const text = result.content?.[0]?.text;
    assert.ok(text, `${name} ${what}: ${JSON.stringify(result)}`);
    assert.ok(['bad_argument', 'not_found'].includes(result._meta.error.code), `${name} ${what}: ${text}`);
    assert.ok(result._meta.error.field, `${name} ${what}: no field in "${text}"`);
    return false;
  }

  for (const [name, { bad }] of Object.entries(tools))
    test(`${name}: bad input is answered with the field and what is allowed`, async () => {
      for (const { args, field, says } of bad) {
        const result = await server.call(name, args);
        const shown = JSON.stringify(args).slice(0, 300);
        assert.equal(result.isError, true, `accepted: ${shown}`);
        assert.equal(result.structuredContent, undefined);
        const [{ text }] = result.content;
        assert.equal(result._meta.error.field, field, `${shown}: ${text}`);
        assert.match(text, says, shown);
        assert.doesNotMatch(text, LEAKS);
      }
      await expectIntact();
    });

  for (const name of Object.keys(tools))
    test(`${name}: SQL in every text argument`, async (t) => {
      const good = tools[name].good[0].args;
      const base = schemas[name].properties.allow_unknown ? { ...good, allow_unknown: true } : good;
      const list = [...attacks(schemas[name], base), ...drilled(name, good)];
      const logged = server.log.length;
      let results = 0;
      for (let i = 0; i < list.length; i += CALLS_AT_ONCE) {
        const some = list.slice(i, i + CALLS_AT_ONCE);
        const answers = await Promise.all(some.map(({ args }) => server.call(name, args)));
        answers.forEach((answer, k) => {
          const { path, text } = some[k];
          const what = `${path} = ${JSON.stringify(text)}`;
          if (expectClean(name, what, answer)) results += 1;
          else assert.doesNotMatch(answer.content[0].text.replaceAll(text, ''), /DB::|Stack trace/, what);
        });
      }
      const failures = server.log.slice(logged).split('\n').filter((line) => /"result":"(engine|internal|unavailable|busy)"/.test(line));
      assert.deepEqual(failures, []);
      t.diagnostic(`${list.length} calls, ${results} with a result`);
      await expectIntact();
    });

  // The arguments of the call that list_actors looks into, and the cell.
  function* drilled(name, good) {
    if (name !== 'list_actors') return;
    for (const of of ['run_funnel', 'retention_matrix']) {
      const base = tools.list_actors.good.find(({ args }) => args.of === of).args;
      for (const attack of attacks(schemas[of], { ...base.arguments, allow_unknown: true }))
        yield { ...attack, path: `arguments.${attack.path}`, args: { ...base, arguments: attack.args } };
    }
    const cell = { type: 'object', properties: {
      outcome: { type: 'string' }, cohort: { type: 'string' }, breakdown: { type: 'array', items: { type: 'string' } } } };
    for (const attack of attacks(cell, good.cell))
      yield { ...attack, path: `cell.${attack.path}`, args: { ...good, cell: attack.args } };
  }

  test('text that names an event is that event, whatever it looks like', async () => {
    await Promise.all(Object.values(tools.list_events.good).map(async ({ args, check }) => {
      check((await server.call('list_events', args)).structuredContent, store);
    }));
  });

  test('an argument of 10 MB', async () => {
    const big = 'x'.repeat(10 * MEGABYTE);
    const cases = [
      ['run_funnel', { steps: [big] }, 'steps[0].event'],
      ['run_funnel', { steps: ['view'], filters: [{ field: 'device', value: big }] }, 'filters[0].value'],
      ['list_events', { search: big }, 'search'],
      ['open_session', { session: big }, 'session'],
      ['list_actors', { of: 'run_funnel', arguments: { steps: [big] }, cell: {} }, 'arguments.steps[0].event'],
      ['conformance_check', { sequence: Array.from({ length: 10000 }, () => 'x'.repeat(1000)) }, 'sequence'],
    ];
    for (const [name, args, field] of cases) {
      const result = await server.call(name, args);
      assert.equal(result.isError, true);
      assert.equal(result._meta.error.field, field, result.content[0].text.slice(0, 500));
      assert.match(result.content[0].text, /at most|1 to/);
      assert.ok(result.content[0].text.length < 500, 'an error must not repeat what it refuses');
    }
    await expectIntact();
  });

  test('a line longer than any message may be', async () => {
    const answer = server.until((message) => message.error && !message.method && message.id == null);
    server.write(`{"jsonrpc":"2.0","id":99,"method":"tools/list","params":{"x":"${'y'.repeat(17 * MEGABYTE)}"}}\n`);
    assert.match((await answer).error.message, /longer|large|bytes/i);
    await expectIntact();
  });

  test('bytes that are no UTF-8, and text that is no JSON', async () => {
    const head = '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"list_events","arguments":{"search":"';
    const lines = [
      Buffer.concat([Buffer.from(head), Buffer.from([0xff, 0xfe, 0xc3]), Buffer.from('"}}}\n')]),
      Buffer.concat([Buffer.from(head), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}}}\n')]), // a surrogate
      Buffer.concat([Buffer.from(head), Buffer.from([0xc0, 0xaf]), Buffer.from('"}}}\n')]), // overlong
      Buffer.from(`${head}\\ud800"}}}\n`),
      Buffer.from('{"jsonrpc":"2.0","id":5,\n'),
      Buffer.from(`${'['.repeat(100000)}\n`),
    ];
    for (const line of lines) {
      const answer = server.until((message) => message.error && message.id == null);
      server.write(line);
      assert.equal((await answer).error.code, -32700);
    }
    await expectIntact();
  });

  test('a NUL in a text is refused under the id of the request', async () => {
    const result = await server.call('list_events', { search: 'a\u0000b' });
    assert.equal(result._meta.error.field, 'search');
    assert.match(result.content[0].text, /NUL/);
    const answer = await server.call('list_events\u0000', {});
    assert.equal(answer.error.code, -32600);
  });

  test('a call that is cancelled is not answered, and its queries stop', async () => {
    const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
    const steps = Array.from({ length: 32 }, () => ({}));
    const call = { jsonrpc: '2.0', id: 'lost', method: 'tools/call', params: { name: 'run_funnel', arguments: { steps }, _meta: meta } };
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'lost', reason: 'test', _meta: meta } };
    const logged = server.log.length;
    server.write(`${JSON.stringify(call)}\n${JSON.stringify(cancel)}\n`);
    await expectIntact();
    assert.equal(server.messages.filter((message) => message.id === 'lost').length, 0);
    assert.match(server.log.slice(logged), /"tool":"run_funnel".*"result":"cancelled"/);
  });

  test('progress tokens of both kinds are accepted and come back', async () => {
    for (const progressToken of ['a token', 7, 0, '']) {
      const from = server.messages.length;
      const { good: [{ args, check }] } = tools.run_funnel;
      const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {}, progressToken };
      check((await server.call('run_funnel', args, { meta })).structuredContent, store);
      for (const message of server.messages.slice(from))
        if (message.method) assert.equal(message.params.progressToken, progressToken);
    }
  });

  test('more calls at once than can run: each is answered, at worst with "busy"', async (t) => {
    const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => server.call('list_events', { search: `x${i}` })));
    let busy = 0;
    for (const answer of answers) {
      if (!answer.isError) assert.ok(validators.list_events(answer.structuredContent));
      else {
        busy += 1;
        assert.equal(answer._meta.error.code, 'busy');
        assert.equal(answer._meta.error.retryable, true);
      }
    }
    t.diagnostic(`${busy} of ${answers.length} were told to come back`);
    await expectIntact();
  });

  test('the same over HTTP', async (t) => {
    await server.close();
    server = undefined;
    const http = await store.serve();
    t.after(() => http.stop());
    const alive = async () => {
      const { status, json } = await postCall(http.url, 'list_sources', {});
      assert.equal(status, 200);
      tools.list_sources.good[0].check(json.result.structuredContent, store);
    };
    const big = await postCall(http.url, 'list_events', { search: 'x'.repeat(10 * MEGABYTE) });
    assert.equal(big.status, 413);
    assert.match(big.text, /bytes|large/);
    await alive();
    const under = await postCall(http.url, 'list_events', { search: 'x'.repeat(3 * MEGABYTE) });
    assert.equal(under.json.result._meta.error.field, 'search');
    const broken = await post(http.url, Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]));
    assert.equal(broken.status, 400);
    assert.equal(broken.json.error.code, -32700);
    await alive();
    for (const [name, { good: [{ args }], bad }] of Object.entries(tools)) {
      const { json } = await postCall(http.url, name, bad[0].args);
      assert.equal(json.result._meta.error.field, bad[0].field);
      const given = new AbortController();
      const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } };
      const lost = fetch(http.url, {
        method: 'POST', body: JSON.stringify(body), signal: given.signal,
        headers: { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' },
      }).then((response) => response.text());
      setTimeout(() => given.abort(), 3);
      await lost.catch(() => {});
    }
    await alive();
  });
});
