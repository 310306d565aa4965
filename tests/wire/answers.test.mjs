// What every kind of message over HTTP is answered with, both eras, by the test server and by
// `sextant serve`: status, body, and that each body is what the schema of its revision says.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { spawn } from '../children.mjs';
import { BOTH, META, Raw, modernHeaders, postBytes, readEvents, sleep, startServer } from './http_tools.mjs';

const SKIPPED = 77;
const MODERN = '2026-07-28', NEWEST = '2025-11-25', WITHOUT_HEADER = '2025-03-26';
const folder = mkdtempSync(join(tmpdir(), 'sextant-answers-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const request = (method, params, id = 1) => ({ jsonrpc: '2.0', id, method, ...(params && { params }) });
const modern = (method, params = {}, meta = {}) => request(method, { ...params, _meta: { ...META, ...meta } });
const initialize = (version) => request('initialize', { protocolVersion: version, capabilities: {}, clientInfo: { name: 't', version: '1' } });
const without = (object, key) => Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
const versioned = (version, headers = {}) => ({ 'MCP-Protocol-Version': version, ...headers });
const claiming = (version) => {
  const message = modern('tools/list', {}, { 'io.modelcontextprotocol/protocolVersion': version });
  return { body: message, headers: { ...modernHeaders(message), ...versioned(version) } };
};

// Each row: {what, body, headers, status, code?, kind?, revision?, check?}. `kind` is the method
// that a result answers; headers with the value null are left out.
function rows({ tool, args, bad }) {
  const list = modern('tools/list'), call = modern('tools/call', { name: tool, arguments: args });
  const ok = (what, message, more = {}) => ({ what, body: message, headers: modernHeaders(message), status: 200, kind: message.method, revision: MODERN, ...more });
  const refused = (what, message, status, code, headers = modernHeaders(message)) => ({ what, body: message, headers, status, code, revision: MODERN });
  const legacy = (what, body, more = {}) => ({ what, body, headers: {}, status: 200, kind: body.method, revision: WITHOUT_HEADER, ...more });
  const meta = 'io.modelcontextprotocol/';
  return [
    ok('modern discover', modern('server/discover'), { check: ({ result }) => assert.deepEqual(result.supportedVersions, [MODERN]) }),
    ok('modern tools/list', list, { check: ({ result }) => assert.ok(result.tools.some(({ name }) => name === tool)) }),
    ok('modern tools/call', call),
    ok('modern, the name in base64', call, { headers: { ...modernHeaders(call), 'Mcp-Name': `=?base64?${Buffer.from(tool).toString('base64')}?=` } }),
    ok('modern without Accept', list, { headers: { ...modernHeaders(list), Accept: null } }),
    ok('modern without clientInfo', request('tools/list', { _meta: without(META, `${meta}clientInfo`) })),
    ok('modern with a session that is no matter', list, { headers: { ...modernHeaders(list), 'Mcp-Session-Id': 'x', 'Last-Event-ID': '1.1' } }),
    ...(bad ? [ok('modern bad arguments', modern('tools/call', { name: tool, arguments: bad }), { check: ({ result }) => assert.equal(result.isError, true) })] : []),
    refused('modern unknown tool', modern('tools/call', { name: 'nonexistent', arguments: {} }), 200, -32602),
    refused('modern bad cursor', modern('tools/list', { cursor: 'nonsense' }), 200, -32602),
    refused('modern unknown method', modern('nonexistent/method'), 404, -32601),
    ...['initialize', 'ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'].map((method) =>
      refused(`modern ${method}`, modern(method, method === 'initialize' ? initialize(MODERN).params : {}), 404, -32601)),
    refused('modern header without _meta', request('tools/list'), 400, -32602, versioned(MODERN, { 'Mcp-Method': 'tools/list' })),
    refused('an unknown header without _meta', request('tools/list'), 400, -32602, versioned('nonsense')),
    refused('modern without capabilities', request('tools/list', { _meta: without(META, `${meta}clientCapabilities`) }), 400, -32602),
    refused('modern, unknown level of logs', modern('tools/list', {}, { [`${meta}logLevel`]: 'loud' }), 400, -32602),
    refused('modern without the version header', list, 400, -32020, { 'Mcp-Method': 'tools/list' }),
    refused('modern without Mcp-Method', list, 400, -32020, versioned(MODERN)),
    refused('modern, another Mcp-Method', list, 400, -32020, versioned(MODERN, { 'Mcp-Method': 'tools/call' })),
    refused('modern without Mcp-Name', call, 400, -32020, versioned(MODERN, { 'Mcp-Method': 'tools/call' })),
    refused('modern, another Mcp-Name', call, 400, -32020, versioned(MODERN, { 'Mcp-Method': 'tools/call', 'Mcp-Name': 'other' })),
    refused('modern, broken base64', call, 400, -32020, versioned(MODERN, { 'Mcp-Method': 'tools/call', 'Mcp-Name': '=?base64?%%?=' })),
    refused('modern, versions differ', list, 400, -32020, versioned(NEWEST, { 'Mcp-Method': 'tools/list' })),
    ...['2099-01-01', NEWEST].map((version) => ({ what: `modern claim of ${version}`, ...claiming(version), status: 400, code: -32022, revision: MODERN,
      check: ({ error }) => assert.deepEqual(error.data, { supported: [MODERN], requested: version }) })),
    { what: 'modern notification', body: { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 9, _meta: META } }, headers: versioned(MODERN), status: 202 },
    refused('modern batch', [list], 400, -32600, versioned(MODERN)),

    ...[NEWEST, '2025-06-18', '2025-03-26', '2024-11-05', MODERN, '1999-01-01'].map((version) => legacy(`legacy initialize of ${version}`, initialize(version), {
      revision: version < MODERN && version > '2000' ? version : NEWEST,
      check: ({ result }) => assert.equal(result.protocolVersion, version < MODERN && version > '2000' ? version : NEWEST) })),
    legacy('legacy, no header', request('tools/list')),
    legacy('legacy, its version', request('tools/list'), { headers: versioned(NEWEST), revision: NEWEST }),
    legacy('legacy tools/call', request('tools/call', { name: tool, arguments: args }), { headers: versioned(NEWEST), revision: NEWEST }),
    legacy('legacy with Mcp-Method', request('tools/list'), { headers: versioned(NEWEST, { 'Mcp-Method': 'tools/list' }), revision: NEWEST }),
    legacy('legacy ping', request('ping')),
    legacy('legacy, JSON alone accepted', request('tools/list'), { headers: { Accept: 'application/json' } }),
    legacy('legacy, streams alone accepted', request('tools/list'), { headers: { Accept: 'text/event-stream' }, isStream: true }),
    legacy('legacy, HTML alone accepted', request('tools/list'), { headers: { Accept: 'text/html' }, status: 406, code: -32600 }),
    ...(bad ? [legacy('legacy bad arguments', request('tools/call', { name: tool, arguments: bad }), { check: ({ result }) => assert.equal(result.isError, true) })] : []),
    legacy('legacy unknown tool', request('tools/call', { name: 'nonexistent' }), { code: -32602 }),
    legacy('legacy unknown method', request('nonexistent/method'), { code: -32601 }),
    legacy('legacy server/discover', request('server/discover'), { code: -32601 }),
    legacy('legacy batch', [request('ping', undefined, 1), request('ping', undefined, 'two')], { kind: 'batch',
      check: (message) => assert.deepEqual(message.map(({ id }) => id).sort(), [1, 'two']) }),
    legacy('legacy batch of notifications', [{ jsonrpc: '2.0', method: 'notifications/initialized' }], { status: 202 }),
    legacy('legacy batch with initialize', [initialize(NEWEST)], { status: 400, code: -32600 }),
    legacy('empty batch', [], { status: 400, code: -32600 }),
    legacy('legacy notification', { jsonrpc: '2.0', method: 'notifications/initialized' }, { status: 202 }),
    legacy('posted response', { jsonrpc: '2.0', id: 1, result: {} }, { status: 202 }),

    legacy('bad JSON', '{"jsonrpc":"2.0","id":1,', { status: 400, code: -32700 }),
    legacy('nothing', '', { status: 400, code: -32700 }),
    legacy('not JSON-RPC', { id: 1, method: 'ping' }, { status: 400, code: -32600 }),
    legacy('an id of null', { jsonrpc: '2.0', id: null, method: 'ping' }, { status: 400, code: -32600 }),
    legacy('an id of 1.5', { jsonrpc: '2.0', id: 1.5, method: 'ping' }, { status: 400, code: -32600 }),
    legacy('text/plain', request('ping'), { headers: { 'Content-Type': 'text/plain' }, status: 415, code: -32600 }),
    legacy('no type', request('ping'), { headers: { 'Content-Type': null }, status: 415, code: -32600 }),
    legacy('another host', request('ping'), { headers: { Host: 'evil.example.com', Origin: 'http://evil.example.com' }, status: 403, code: -32600 }),
    legacy('no origin', request('ping'), { headers: { Origin: 'null' }, status: 403, code: -32600 }),
    legacy('too large', JSON.stringify(request('ping', { x: 'x'.repeat(5 << 20) })), { status: 413, code: -32600 }),
    ...['GET', 'DELETE', 'PUT'].map((method) => ({ what: method, method, headers: { Accept: 'text/event-stream' }, status: 405, code: -32600, revision: NEWEST,
      checkHeaders: (headers) => assert.equal(headers.allow, 'POST, OPTIONS') })),
    { what: 'another path', path: '/sse', method: 'GET', status: 404 },
    { what: 'well-known', path: '/.well-known/oauth-protected-resource/mcp', method: 'GET', status: 404 },
  ];
}

const startEcho = () => startServer();

async function startSextant() {
  const child = spawn(process.env.SEXTANT_BIN ?? 'build/sextant', ['serve', '--listen', '127.0.0.1:0', '--toolsets', 'all'], {
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder, CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: '1', CLICKHOUSE_SECURE: 'false' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const server = { child, log: '', exit: new Promise((resolve) => { child.on('close', resolve); }) };
  child.stderr.on('data', (data) => { server.log += data; });
  for (const end = Date.now() + 20000; !/"url":/.test(server.log); await sleep(20)) assert.ok(Date.now() < end && child.exitCode === null, server.log);
  server.port = Number(/:(\d+)\/mcp"/.exec(server.log)[1]);
  server.stop = async () => { child.kill('SIGTERM'); assert.equal(await server.exit, 0, server.log); };
  return server;
}

// A body that is an event stream holds its messages; the last is the answer.
function messageOf(row, answer) {
  const isStream = /^text\/event-stream/.test(answer.headers['content-type'] ?? '');
  assert.ok(isStream || !row.isStream);
  return isStream ? readEvents(answer.body).at(-1) : JSON.parse(answer.body);
}

function checkSchemas(messages) {
  const file = join(folder, 'messages.jsonl');
  writeFileSync(file, `${messages.map((line) => JSON.stringify(line)).join('\n')}\n`);
  return spawnSync(process.execPath, [join(import.meta.dirname, 'schema_check.mjs'), '--messages', file], { encoding: 'utf8' });
}

const SERVERS = {
  'the test server': { start: startEcho, tool: 'echo', args: { text: 'x' } },
  'sextant serve': { start: startSextant, tool: 'list_events', args: {}, bad: { nonexistent: 1 } },
};
for (const [name, about] of Object.entries(SERVERS)) {
  describe(name, () => {
    let server;
    const messages = [];
    before(async () => { server = await about.start(); });
    after(() => server.stop());

    for (const row of rows(about)) {
      test(row.what, async () => {
        const raw = await Raw.open(server.port);
        const bytes = row.method === undefined ? postBytes(row.body, { Accept: BOTH, ...row.headers, Connection: 'close' })
          : `${row.method} ${row.path ?? '/mcp'} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n`;
        await raw.write(bytes);
        await raw.closed;
        // One that closes has no need to be chunked, but is.
        const answer = unchunked(raw.text);
        assert.equal(answer.status, row.status, raw.text);
        row.checkHeaders?.(answer.headers);
        assert.equal(answer.headers['mcp-session-id'], undefined);
        if (row.status === 202) return assert.equal(answer.body, '');
        const message = messageOf(row, answer);
        if (row.path) return assert.equal(message.error, 'not_found');
        if (!Array.isArray(message)) assert.equal(message.error?.code, row.code, JSON.stringify(message));
        row.check?.(message);
        messages.push({ revision: row.revision, direction: 'server', kind: row.code === undefined ? row.kind : 'error', message });
        return undefined;
      });
    }

    test('every answer is what its schema says', (t) => {
      assert.ok(messages.length > 50);
      const { status, stdout, stderr } = checkSchemas(messages);
      if (status === SKIPPED) return t.skip(stdout.trim());
      assert.equal(status, 0, stdout + stderr);
      return undefined;
    });
  });
}

function unchunked(text) {
  const end = text.indexOf('\r\n\r\n');
  const [line, ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(lines.map((one) => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 1).trim()]));
  let rest = text.slice(end + 4), body = '';
  if (headers['transfer-encoding'] !== 'chunked') body = rest;
  for (let size = 1; headers['transfer-encoding'] === 'chunked' && size > 0; rest = rest.slice(rest.indexOf('\r\n') + 4 + size)) {
    size = parseInt(rest, 16);
    body += rest.slice(rest.indexOf('\r\n') + 2, rest.indexOf('\r\n') + 2 + size);
  }
  return { status: Number(line.split(' ')[1]), headers, body: Buffer.from(body, 'latin1').toString('utf8') };
}
