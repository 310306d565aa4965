// The HTTP transport from outside: statuses, framing, who may ask.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { spawnSync } from 'node:child_process';
import {
  BOTH, META, Raw, legacyCall, modernCall, modernHeaders, post, postBytes, sleep, startServer,
} from './http_tools.mjs';

const ALLOWED = 'https://app.example.com';

describe('statuses', () => {
  let server;
  before(async () => {
    server = await startServer('--origin', ALLOWED, '--host', 'sextant.example.com', '--host', 'ported.example.com:8080');
  });
  after(() => server.stop());

  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  const modern = { jsonrpc: '2.0', id: 'a', method: 'tools/list', params: { _meta: META } };
  const head = modernHeaders(modern);
  const without = (object, key) => Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
  const meta = (changes) => ({ ...modern, params: { _meta: { ...META, ...changes } } });

  // message, headers, expected status, expected error code (undefined = a result)
  const posts = [
    ['legacy list', list, {}, 200],
    ['legacy list with its version', list, { 'MCP-Protocol-Version': '2025-06-18' }, 200],
    ['legacy initialize', { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }, {}, 200],
    ['initialize with a stale session', { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } } }, { 'Mcp-Session-Id': 'gone' }, 200],
    ['legacy call with a session nobody gave', legacyCall('echo', { text: 'x' }), { 'Mcp-Session-Id': 'x' }, 200],
    ['modern list', modern, head, 200],
    ['modern discover', { ...modern, method: 'server/discover' }, { ...head, 'Mcp-Method': 'server/discover' }, 200],
    ['modern call', modernCall('echo', { text: 'x' }), modernHeaders(modernCall('echo')), 200],
    ['modern call, name in base64', modernCall('echo', { text: 'x' }), { ...modernHeaders(modernCall('echo')), 'Mcp-Name': '=?base64?ZWNobw==?=' }, 200],
    ['modern unknown tool', modernCall('nothing'), modernHeaders(modernCall('nothing')), 200, -32602],
    ['modern unknown method', { ...modern, method: 'x/y' }, { ...head, 'Mcp-Method': 'x/y' }, 404, -32601],
    ['modern initialize', { ...modern, method: 'initialize' }, { ...head, 'Mcp-Method': 'initialize' }, 404, -32601],
    ['modern header without _meta', list, head, 400, -32602],
    ['modern without capabilities', { ...modern, params: { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } } }, head, 400, -32602],
    ['modern without the version header', modern, without(head, 'MCP-Protocol-Version'), 400, -32020],
    ['modern without Mcp-Method', modern, without(head, 'Mcp-Method'), 400, -32020],
    ['modern without Mcp-Name', modernCall('echo'), { ...head, 'Mcp-Method': 'tools/call' }, 400, -32020],
    ['modern, versions differ', meta({ 'io.modelcontextprotocol/protocolVersion': '2025-11-25' }), head, 400, -32020],
    ['modern, unknown version', meta({ 'io.modelcontextprotocol/protocolVersion': '1999-01-01' }), { ...head, 'MCP-Protocol-Version': '1999-01-01' }, 400, -32022],
    ['legacy unknown method', { ...list, method: 'x/y' }, {}, 200, -32601],
    ['legacy with Mcp-Method', list, { 'Mcp-Method': 'tools/list' }, 200],
    ['bad JSON', '{"jsonrpc":"2.0","id":1', {}, 400, -32700],
    ['no body', '', {}, 400, -32700],
    ['invalid UTF-8', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/list\xff"}', 'latin1'), {}, 400, -32700],
    ['too deep', '['.repeat(200) + ']'.repeat(200), {}, 400, -32700],
    ['not JSON-RPC', { a: 1 }, {}, 400, -32600],
    ['a number', '7', {}, 400, -32600],
    ['id null', { jsonrpc: '2.0', id: null, method: 'tools/list' }, {}, 400, -32600],
    ['text/plain', list, { 'Content-Type': 'text/plain' }, 415, -32600],
    ['content type that only begins so', list, { 'Content-Type': 'application/jsonx' }, 415, -32600],
    ['gzip', list, { 'Content-Encoding': 'gzip' }, 415, -32600],
    ['charset', list, { 'Content-Type': 'Application/JSON; charset=utf-8' }, 200],
    ['any type accepted', list, { Accept: '*/*' }, 200],
    ['JSON accepted by its family', list, { Accept: 'application/*;q=0.5' }, 200],
    ['only HTML accepted', list, { Accept: 'text/html' }, 406, -32600],
    ['JSON excluded by weight', list, { Accept: 'application/json;q=0, text/html' }, 406, -32600],
    ['loopback origin', list, { Origin: 'http://localhost:6274' }, 200],
    ['allowed origin', list, { Origin: ALLOWED }, 200],
    ['other origin', list, { Origin: 'https://evil.example.com' }, 403, -32600],
    ['origin that only begins so', list, { Origin: ALLOWED + '.evil.com' }, 403, -32600],
    ['loopback as a user name', list, { Origin: 'http://localhost:1@evil.example.com' }, 403, -32600],
    ['null origin', list, { Origin: 'null' }, 403, -32600],
  ];
  for (const [name, message, headers, status, code] of posts) {
    test(name, async () => {
      const answer = await post(server, message, headers);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.json.error?.code, code, answer.text);
      if (code === undefined) assert.ok('result' in answer.json, answer.text);
    });
  }

  for (const [name, message] of [
    ['legacy notification', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    ['posted response', { jsonrpc: '2.0', id: 5, result: {} }],
    ['modern notification', { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 9, _meta: META } }],
  ]) {
    test(`${name}: 202 without a body`, async () => {
      const headers = message.params?._meta !== undefined ? { 'MCP-Protocol-Version': '2026-07-28' } : {};
      const answer = await post(server, message, headers);
      assert.equal(answer.status, 202, answer.text);
      assert.equal(answer.text, '');
      assert.equal(answer.headers.get('content-length'), '0');
    });
  }

  test('no Accept header: anything goes', async () => {
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(list, { Accept: null }));
    assert.equal((await raw.answer()).status, 200);
    await raw.close();
  });

  for (const method of ['GET', 'DELETE', 'PUT', 'PATCH']) {
    test(`${method} on the endpoint: 405 with Allow and a JSON-RPC body`, async () => {
      const response = await fetch(`${server.url}/mcp`, { method, headers: { Accept: 'text/event-stream' } });
      assert.equal(response.status, 405);
      assert.equal(response.headers.get('allow'), 'POST, OPTIONS');
      assert.equal((await response.json()).jsonrpc, '2.0');
    });
  }

  test('other paths: 404 with small JSON', async () => {
    for (const path of ['/', '/mcp/', '/mcpx', '/.well-known/oauth-protected-resource/mcp', '/.well-known/oauth-authorization-server']) {
      const response = await fetch(server.url + path);
      assert.equal(response.status, 404, path);
      assert.equal((await response.json()).error, 'not_found');
    }
    const register = await fetch(`${server.url}/register`, { method: 'POST', body: '{}' });
    assert.equal(register.status, 404);
    assert.equal((await register.json()).error, 'not_found');
  });

  test('a query after the path changes nothing', async () => {
    const response = await fetch(`${server.url}/mcp?toolsets=core`, {
      method: 'POST', headers: { 'Content-Type': 'application/json', Accept: BOTH }, body: JSON.stringify(list),
    });
    assert.equal(response.status, 200);
  });

  test('health and readiness, HEAD too', async () => {
    const health = await fetch(`${server.url}/healthz`);
    assert.equal(health.status, 200);
    assert.deepEqual(await health.json(), { status: 'ok' });
    assert.deepEqual(await (await fetch(`${server.url}/readyz`)).json(), { status: 'ready' });
    const raw = await Raw.open(server.port);
    await raw.write('HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const text = await raw.until((all) => all.endsWith('}'));
    const parts = text.split('HTTP/1.1 200 OK\r\n').slice(1);
    assert.equal(parts.length, 2);
    assert.ok(parts[0].endsWith('Content-Length: 15\r\n\r\n'), text);
    assert.equal((await fetch(`${server.url}/healthz`, { method: 'POST' })).status, 405);
    await raw.close();
  });

  test('Host: the loopback under any port, and what is allowed', async () => {
    const raw = await Raw.open(server.port);
    const ask = async (host, path = '/mcp') => {
      await raw.write(`OPTIONS ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      return (await raw.answer()).status;
    };
    for (const host of ['localhost', 'LocalHost:1', '127.0.0.1:65535', '[::1]', '[::1]:80', 'sextant.example.com',
      'sextant.example.com:99', 'ported.example.com:8080'])
      assert.equal(await ask(host), 204, host);
    for (const host of ['evil.example.com', 'localhost.evil.example.com', 'localhost:x', '127.0.0.2', '[::1', '[::2]',
      'ported.example.com', 'ported.example.com:8081', '', 'localhost:123456'])
      assert.equal(await ask(host), 403, host);
    // An absolute target counts for more than the Host header.
    await raw.write('OPTIONS http://localhost/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await raw.answer()).status, 204);
    await raw.write('OPTIONS http://evil.example.com/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await raw.answer()).status, 403);
    await raw.write('GET /healthz HTTP/1.1\r\nHost: probe\r\n\r\n');
    assert.equal((await raw.answer()).status, 200);
    await raw.write('GET /readyz HTTP/1.1\r\nHost: probe\r\n\r\n');
    assert.equal((await raw.answer()).status, 200);
    await raw.close();
  });

  test('CORS for allowed origins only', async () => {
    const ask = async (origin) => fetch(`${server.url}/mcp`, {
      method: 'OPTIONS',
      headers: { ...(origin && { Origin: origin }), 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'content-type, mcp-param-region, x-evil', 'Access-Control-Request-Private-Network': 'true' },
    });
    const allowed = await ask(ALLOWED);
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get('access-control-allow-origin'), ALLOWED);
    assert.equal(allowed.headers.get('vary'), 'Origin');
    assert.match(allowed.headers.get('access-control-allow-headers'), /Mcp-Protocol-Version.*, mcp-param-region$/);
    assert.match(allowed.headers.get('access-control-allow-methods'), /POST/);
    assert.equal(allowed.headers.get('access-control-allow-private-network'), 'true');
    const none = await ask(null);
    assert.equal(none.status, 204);
    assert.equal(none.headers.get('access-control-allow-origin'), null);
    const evil = await ask('https://evil.example.com');
    assert.equal(evil.status, 403);
    assert.equal(evil.headers.get('access-control-allow-origin'), null);
    const answer = await post(server, list, { Origin: ALLOWED });
    assert.equal(answer.headers.get('access-control-allow-origin'), ALLOWED);
    assert.match(answer.headers.get('access-control-expose-headers'), /Mcp-Session-Id/);
  });
});

describe('framing', () => {
  let server;
  before(async () => { server = await startServer('--max-body', '100000'); });
  after(() => server.stop());

  const echo = (text, id = 1) => legacyCall('echo', { text }, undefined, id);
  const textOf = (answer) => JSON.parse(answer.body).result.structuredContent.text;

  test('200 requests on one connection', async () => {
    const raw = await Raw.open(server.port);
    for (let i = 0; i < 200; i++) {
      await raw.write(postBytes(echo(`n${i}`, i)));
      const answer = await raw.answer();
      assert.equal(textOf(answer), `n${i}`);
      assert.equal(JSON.parse(answer.body).id, i);
      assert.equal(answer.headers.connection, undefined);
    }
    await raw.close();
  });

  test('pipelined requests are answered in order, one at a time', async () => {
    const raw = await Raw.open(server.port);
    const start = Date.now();
    await raw.write([
      postBytes(legacyCall('sleep', { ms: 120 }, undefined, 1)),
      postBytes(echo('between', 2)),
      postBytes(legacyCall('sleep', { ms: 120 }, undefined, 3)),
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
      postBytes(echo('last', 5)),
    ].join(''));
    const ids = [];
    for (let i = 0; i < 5; i++) ids.push(JSON.parse((await raw.answer()).body).id);
    assert.deepEqual(ids, [1, 2, 3, undefined, 5]);
    assert.ok(Date.now() - start >= 235, 'the second call did not wait for the first');
    await raw.close();
  });

  test('hundreds of pipelined requests behind a slow one', async () => {
    const raw = await Raw.open(server.port);
    const count = 600; // more than is kept while a call runs: reading pauses, nothing is lost
    const texts = Array.from({ length: count }, (_, i) => postBytes(echo('x'.repeat(200) + i, i + 1)));
    await raw.write(postBytes(legacyCall('sleep', { ms: 300 }, undefined, 0)) + texts.join(''));
    for (let i = 0; i <= count; i++) assert.equal(JSON.parse((await raw.answer()).body).id, i);
    await raw.close();
  });

  test('byte by byte', async () => {
    const raw = await Raw.open(server.port);
    for (const byte of postBytes(echo('slow')) + postBytes(echo('again'))) {
      await raw.write(byte);
      await sleep(0);
    }
    assert.equal(textOf(await raw.answer()), 'slow');
    assert.equal(textOf(await raw.answer()), 'again');
    await raw.close();
  });

  test('a chunked body, with extensions, and the connection goes on', async () => {
    const raw = await Raw.open(server.port);
    const text = JSON.stringify(echo('chunked'));
    const chunks = [text.slice(0, 1), text.slice(1, 20), text.slice(20)];
    const bytes = chunks.map((chunk) => `${chunk.length.toString(16)};a="b"\r\n${chunk}\r\n`).join('') + '0\r\n\r\n';
    const head = 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    await raw.write(head + bytes + head);
    assert.equal(textOf(await raw.answer()), 'chunked');
    await raw.write(bytes);
    assert.equal(textOf(await raw.answer()), 'chunked');
    await raw.close();
  });

  test('Expect: 100-continue', async () => {
    const raw = await Raw.open(server.port);
    const [head, body] = postBytes(echo('waited'), { Expect: '100-continue' }).split('\r\n\r\n');
    await raw.write(head + '\r\n\r\n');
    await raw.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n');
    raw.text = '';
    await raw.write(body);
    assert.equal(textOf(await raw.answer()), 'waited');
    // Refused at the head: the body is not asked for, and the connection ends.
    await raw.write(head.replace('/mcp', '/other') + '\r\n\r\n');
    const refused = await raw.answer();
    assert.equal(refused.status, 404);
    assert.equal(refused.headers.connection, 'close');
    await raw.closed;
  });

  test('a refused request with a small body leaves the connection open', async () => {
    const raw = await Raw.open(server.port);
    await raw.write(postBytes('x'.repeat(1000), { 'Content-Type': 'text/plain' }) + postBytes(echo('next')));
    assert.equal((await raw.answer()).status, 415);
    assert.equal(textOf(await raw.answer()), 'next');
    await raw.close();
  });

  test('HTTP/1.0 closes, unless asked not to', async () => {
    const raw = await Raw.open(server.port);
    await raw.write(postBytes(echo('one'), { Connection: 'keep-alive' }, { version: '1.0' }));
    const first = await raw.answer();
    assert.equal(textOf(first), 'one');
    assert.equal(first.headers.connection, 'keep-alive');
    await raw.write(postBytes(echo('two'), {}, { version: '1.0' }) + postBytes(echo('never')));
    assert.equal(textOf(await raw.answer()), 'two');
    await raw.closed;
    assert.equal(raw.text, '');
  });

  test('a client that closes its half after asking still reads what was answered', async () => {
    const raw = await Raw.open(server.port, { allowHalfOpen: true });
    raw.socket.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await raw.answer()).status, 200);
    await raw.closed;
  });

  const rejects = [
    ['bare LF', 'GET /healthz HTTP/1.1\nHost: localhost\n\n', 400],
    ['two lengths', postBytes('{}', { 'content-length': 3 }), 400],
    ['length and chunked', postBytes('{}', { 'Transfer-Encoding': 'chunked' }), 400],
    ['unknown transfer coding', 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n', 501],
    ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
    ['HTTP/2', 'GET / HTTP/2.0\r\nHost: localhost\r\n\r\n', 505],
    ['CONNECT', 'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n', 501],
    ['expectation', 'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\n\r\n', 417],
    ['long target', `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 414],
    ['large head', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(17000)}\r\n\r\n`, 431],
    ['many headers', `GET / HTTP/1.1\r\nHost: localhost\r\n${'X: y\r\n'.repeat(64)}\r\n`, 431],
    ['large body', postBytes('x'.repeat(100001)), 413],
    ['large chunk', 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n186a1\r\n', 413],
  ];
  for (const [name, bytes, status] of rejects) {
    test(`rejected: ${name}`, async () => {
      const raw = await Raw.open(server.port);
      // What follows a reject is never treated as a request.
      await raw.write(bytes + 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const answer = await raw.answer();
      assert.equal(answer.status, status);
      assert.equal(answer.headers.connection, 'close');
      assert.equal(typeof JSON.parse(answer.body).error.message, 'string');
      raw.socket.end();
      await raw.closed;
      assert.equal(raw.text, '');
    });
  }

  test('a body far above the limit: the answer arrives although the client is still sending', async () => {
    const raw = await Raw.open(server.port);
    // It reads only when it has sent: a reset in between would have taken the answer away.
    raw.socket.pause();
    raw.socket.write(postBytes('', { 'Content-Length': 50000000 }));
    for (let i = 0; i < 50 && !raw.isClosed; i++) {
      raw.socket.write(Buffer.alloc(100000));
      await sleep(2);
    }
    raw.socket.resume();
    assert.equal((await raw.answer()).status, 413);
    raw.socket.end();
    await raw.closed;
  });
});

test('an address that others can reach is refused', () => {
  const binary = process.env.SEXTANT_ECHO_HTTP ?? 'build/tests/echo_http';
  for (const address of ['0.0.0.0:0', '192.0.2.1:0', '[::]:0', '::0', 'example.com:0']) {
    const result = spawnSync(binary, ['--listen', address], { encoding: 'utf8', timeout: 60000 });
    assert.equal(result.status, 1, address);
    assert.match(result.stderr, /only 127\.0\.0\.1, ::1 and localhost are allowed|is not an IP address/, address);
    assert.equal(result.stdout, '');
  }
});

test('a port that is taken is named', async () => {
  const server = await startServer();
  const binary = process.env.SEXTANT_ECHO_HTTP ?? 'build/tests/echo_http';
  const result = spawnSync(binary, ['--listen', `127.0.0.1:${server.port}`], { encoding: 'utf8', timeout: 60000 });
  assert.equal(result.status, 1);
  assert.match(result.stderr, new RegExp(`port ${server.port}: address already in use`));
  await server.stop();
});

test('not ready: 503 with the reason, and healthy all the same', async () => {
  const server = await startServer('--not-ready', 'the database does not answer');
  const response = await fetch(`${server.url}/readyz`);
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get('retry-after')) > 0);
  assert.deepEqual(await response.json(), { status: 'not ready', reason: 'the database does not answer' });
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  await server.stop();
});
