// Bearer tokens: `sextant token`, and a server that wants one. SEXTANT_BIN names the program,
// SEXTANT_ECHO_HTTP the test server, which has the same door.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync,
} from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { spawn } from '../children.mjs';
import {
  META, Raw, legacyCall, modernCall, modernHeaders, post, postBytes, sleep, startServer,
} from './http_tools.mjs';

const binary = process.env.SEXTANT_BIN ?? 'build/sextant';
const folder = mkdtempSync(join(tmpdir(), 'sextant-auth-'));
after(() => rmSync(folder, { recursive: true, force: true }));

// A database that is not there: nothing here needs one.
const environment = {
  HOME: folder, PATH: process.env.PATH, XDG_CONFIG_HOME: join(folder, 'xdg'),
  CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: '1', CLICKHOUSE_SECURE: 'false',
};
for (const name of ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'])
  if (process.env[name]) environment[name] = process.env[name];

function sextant(args, env = {}) {
  const run = spawnSync(binary, args, { encoding: 'utf8', env: { ...environment, ...env }, timeout: 60000 });
  assert.equal(run.signal, null, run.stderr);
  return run;
}

let files = 0;
const newFile = () => join(folder, `tokens-${files++}.json`);

function create(file, name) {
  const run = sextant(['token', 'create', name, '--tokens', file]);
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.trim();
}

function revoke(file, name) {
  const run = sextant(['token', 'revoke', name, '--tokens', file]);
  assert.deepEqual([run.status, run.stdout, run.stderr], [0, '', `The token "${name}" is revoked.\n`]);
}

const bearer = (token) => ({ Authorization: `Bearer ${token}` });
const counters = async (server, token) =>
  (await post(server, legacyCall('stats', {}, undefined, 'stats'), bearer(token))).json.result.structuredContent;

async function until(isTrue, what, ms = 30000) {
  for (const end = Date.now() + ms; !(await isTrue());) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await sleep(20);
  }
}

async function startServe(args, env) {
  const child = spawn(binary, ['serve', ...args], { env: { ...environment, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  const server = { child, log: '' };
  child.stderr.on('data', (data) => { server.log += data; });
  await until(() => /"url":/.test(server.log) || child.exitCode !== null, 'it listens');
  server.port = Number(/"url":"http:[^"]*:(\d+)\/mcp"/.exec(server.log)?.[1]);
  assert.ok(server.port, server.log);
  server.url = `http://127.0.0.1:${server.port}`;
  return server;
}

describe('sextant token', () => {
  test('create shows the token once and keeps its hash, in a file for the owner alone', () => {
    const file = join(folder, 'a', 'b', 'tokens.json');
    const run = sextant(['token', 'create', 'laptop', '--tokens', file]);
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /^sxt_[A-Za-z0-9_-]{43}\n$/);
    const token = run.stdout.trim();
    assert.ok(!run.stderr.includes(token));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(file)).mode & 0o777, 0o700);
    const text = readFileSync(file, 'utf8');
    assert.ok(!text.includes(token.slice(4)));
    const { tokens } = JSON.parse(text);
    assert.deepEqual(tokens.map((entry) => Object.keys(entry)), [['name', 'sha256', 'created']]);
    assert.equal(tokens[0].sha256, createHash('sha256').update(token).digest('hex'));
    assert.match(tokens[0].created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.notEqual(create(file, 'phone'), token);
    assert.match(sextant(['token', 'list', '--tokens', file]).stdout, /^\S+  laptop\n\S+  phone\n$/);
    revoke(file, 'laptop');
    assert.match(sextant(['token', 'list', '--tokens', file]).stdout, /^\S+  phone\n$/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  test('names are unique, and simple', () => {
    const file = newFile();
    create(file, 'a.b_c-d@e9');
    const twice = sextant(['token', 'create', 'a.b_c-d@e9', '--tokens', file]);
    assert.equal(twice.status, 1);
    assert.equal(twice.stdout, '');
    assert.match(twice.stderr, /already/);
    const unknown = sextant(['token', 'revoke', 'x', '--tokens', file]);
    assert.equal(unknown.status, 1);
    assert.equal(JSON.parse(unknown.stderr).error.code, 'not_found');
    for (const args of [['create', ''], ['create', 'a b'], ['create', 'a\nb'], ['create', 'x'.repeat(65)], ['create'], ['revoke'],
      ['create', 'x', 'y'], ['list', 'x'], ['drop', 'x'], []]) {
      const run = sextant(['token', ...args, '--tokens', file]);
      assert.equal(run.status, 2, args.join(' '));
    }
    assert.match(sextant(['token', 'list', '--tokens', file]).stdout, /^\S+  a\.b_c-d@e9\n$/);
  });

  test('the file is the named one, or the one of the configuration folder', () => {
    const config = join(folder, 'config.json'), [named, other] = [newFile(), newFile()];
    writeFileSync(config, JSON.stringify({ http: { tokens: named } }));
    assert.equal(sextant(['token', 'create', 'x', '--config', config]).status, 0);
    assert.equal(sextant(['token', 'create', 'x'], { SEXTANT_TOKENS: other }).status, 0);
    const xdg = join(folder, 'other-xdg');
    assert.equal(sextant(['token', 'create', 'x'], { XDG_CONFIG_HOME: xdg }).status, 0);
    for (const file of [named, other, join(xdg, 'sextant', 'tokens.json')]) assert.ok(existsSync(file), file);
    const none = sextant(['token', 'list', '--tokens', newFile()]);
    assert.deepEqual([none.status, none.stdout], [0, '']);
    assert.match(none.stderr, /^There are no tokens in .*: sextant token create NAME\n$/);
  });

  test('a file that others can read or change, or of another kind, is refused and left alone', () => {
    const file = newFile();
    create(file, 'x');
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o660]) {
      chmodSync(file, mode);
      for (const args of [['token', 'create', 'y'], ['token', 'revoke', 'x'], ['token', 'list'], ['serve', '--listen', '127.0.0.1:0']]) {
        const run = sextant([...args, '--tokens', file]);
        assert.equal(run.status, 1, `${args} ${mode.toString(8)}`);
        assert.match(run.stderr, /other users can read or change it.*chmod 600/);
      }
    }
    chmodSync(file, 0o600);
    assert.match(sextant(['token', 'list', '--tokens', file]).stdout, /x\n$/);
    for (const text of ['', '{', '[]', '{"tokens":{}}', '{"tokens":[{"name":"x"}]}', '{"tokens":[{"name":"x","sha256":"00","created":"now"}]}']) {
      writeFileSync(file, text);
      assert.match(sextant(['token', 'create', 'y', '--tokens', file]).stderr, /not a file of tokens/);
      assert.equal(readFileSync(file, 'utf8'), text);
    }
    assert.equal(sextant(['token', 'list', '--tokens', folder]).status, 1);
  });

  test('doctor says how many there are, and what is wrong with them', () => {
    const file = newFile();
    const check = (env = {}, ...args) => {
      const { checks } = JSON.parse(sextant(['doctor', '--json', ...args], env).stdout);
      return checks.find((one) => one.check === 'tokens');
    };
    assert.equal(check({ XDG_CONFIG_HOME: join(folder, 'none') }), undefined);
    assert.equal(check({}, '--tokens', file).status, 'fail');
    create(file, 'x');
    assert.match(check({ SEXTANT_TOKENS: file }).text, /one of 1 in /);
    chmodSync(file, 0o644);
    assert.match(check({}, '--tokens', file).text, /chmod 600/);
    chmodSync(file, 0o600);
    revoke(file, 'x');
    assert.equal(check({}, '--tokens', file).status, 'warn');
  });

  test('ten at a time lose nothing', async () => {
    const file = newFile();
    const runs = Array.from({ length: 10 }, (_, i) => new Promise((resolve) => {
      spawn(binary, ['token', 'create', `t${i}`, '--tokens', file], { env: environment, stdio: 'ignore' }).on('close', resolve);
    }));
    assert.deepEqual(await Promise.all(runs), Array(10).fill(0));
    assert.equal(JSON.parse(readFileSync(file, 'utf8')).tokens.length, 10);
  });
});

describe('a server with tokens', () => {
  test('that has too many connections says when to come again, and nothing of tokens', async () => {
    const file = newFile();
    create(file, 'ada');
    const server = await startServer('--tokens', file, '--max-connections', '1');
    const first = await Raw.open(server.port);
    await first.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await first.answer()).status, 200);
    const second = await Raw.open(server.port);
    await second.write('POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
    const { status, headers } = await second.answer();
    assert.deepEqual([status, headers['retry-after'], headers['www-authenticate']], [503, '5', undefined]);
    await first.close();
  });

  test('lets in who has one, and nobody else', async () => {
    const file = newFile(), token = create(file, 'ada');
    const server = await startServer('--tokens', file, '--not-ready', 'secret', '--origin', 'https://app.example.com');
    const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: META } };
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    for (const [body, more] of [[list, modernHeaders(list)], [ping, {}]]) {
      for (const [given, isSent] of [[{}, false], [{ Authorization: `Basic ${token}` }, false], [{ Authorization: token }, false],
        [{ Authorization: 'Bearer' }, false], [bearer(''), false], [bearer('sxt_'), true], [bearer(token.slice(0, -1)), true],
        [bearer(`${token}x`), true], [bearer(token.toLowerCase()), true], [bearer(`${token} ${token}`), true],
        [bearer(createHash('sha256').update(token).digest('hex')), true]]) {
        const answer = await post(server, body, { ...more, ...given });
        assert.equal(answer.status, 401, JSON.stringify(given));
        assert.equal(answer.headers.get('www-authenticate'), `Bearer realm="sextant"${isSent ? ', error="invalid_token"' : ''}`);
        assert.equal(answer.json.jsonrpc, '2.0');
        assert.ok(answer.json.error);
      }
      for (const scheme of ['Bearer', 'bearer', 'BEARER'])
        assert.equal((await post(server, body, { ...more, Authorization: `${scheme} ${token}` })).status, 200);
    }
    assert.equal((await counters(server, token)).principal, 'ada');
    // Not from the address, and for every method.
    for (const query of [`access_token=${token}`, `token=${token}`, `authorization=Bearer%20${token}`])
      assert.equal((await fetch(`${server.url}/mcp?${query}`, { method: 'POST', body: '{}' })).status, 401);
    for (const method of ['GET', 'DELETE', 'PUT']) {
      assert.equal((await fetch(`${server.url}/mcp`, { method })).status, 401);
      assert.equal((await fetch(`${server.url}/mcp`, { method, headers: bearer(token) })).status, 405);
    }
    // Others than the endpoint are open, and say nothing.
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
    const ready = await fetch(`${server.url}/readyz`);
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), { status: 'not ready' });
    for (const path of ['oauth-protected-resource', 'oauth-protected-resource/mcp', 'oauth-authorization-server/mcp', 'openid-configuration'])
      assert.equal((await fetch(`${server.url}/.well-known/${path}`)).status, 404);
    // A page of an allowed origin sees why it was refused; the preflight comes without credentials.
    const page = { Origin: 'https://app.example.com' };
    assert.equal((await fetch(`${server.url}/mcp`, { method: 'OPTIONS', headers: page })).status, 204);
    const refused = await post(server, ping, page);
    assert.equal(refused.status, 401);
    assert.match(refused.headers.get('access-control-expose-headers'), /WWW-Authenticate/);
    assert.equal((await post(server, ping, { ...bearer(token), Origin: 'https://evil.example.com' })).status, 403);
    await server.stop();
  });

  test('a revoked token ends what it has open, and others go on', async () => {
    const file = newFile(), [mine, other] = [create(file, 'mine'), create(file, 'other')];
    const server = await startServer('--tokens', file);
    const { cancelled } = await counters(server, other);
    const open = async (token) => {
      const message = modernCall('sleep', { ms: 120000, steps: 1000 }, { progressToken: 1 });
      const raw = await Raw.open(server.port);
      await raw.write(postBytes(message, { ...modernHeaders(message), ...bearer(token) }));
      await raw.until((text) => text.includes('progress'));
      return raw;
    };
    const [gone, stays] = [await open(mine), await open(other)];
    revoke(file, 'mine');
    assert.equal((await post(server, legacyCall('echo'), bearer(mine))).status, 401);
    await gone.closed;
    await until(async () => (await counters(server, other)).cancelled === cancelled + 1, 'its call is cancelled');
    assert.ok(!stays.isClosed);
    const again = create(file, 'mine');
    assert.equal((await post(server, legacyCall('echo', { text: 'x' }), bearer(again))).status, 200);
    assert.equal((await post(server, legacyCall('echo'), bearer(mine))).status, 401);
    await stays.close();
    await server.stop();
  });

  test('a session belongs to its token, and ends with it', async () => {
    const file = newFile(), [mine, other] = [create(file, 'mine'), create(file, 'other')];
    const server = await startServer('--tokens', file, '--sessions', 'true');
    const open = async (token) => {
      const answer = await post(server, { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } }, bearer(token));
      return { 'Mcp-Session-Id': answer.headers.get('mcp-session-id') };
    };
    const session = await open(mine), theirs = await open(other);
    const ask = async (token, headers) => (await post(server, legacyCall('echo', { text: 'x' }), { ...headers, ...bearer(token) })).status;
    assert.equal(await ask(mine, session), 200);
    assert.equal(await ask(other, session), 404);
    assert.equal((await fetch(`${server.url}/mcp`, { method: 'DELETE', headers: { ...session, ...bearer(other) } })).status, 404);
    assert.equal((await fetch(`${server.url}/mcp`, { headers: { ...session, ...bearer(other), Accept: 'text/event-stream' } })).status, 404);
    const listening = await fetch(`${server.url}/mcp`, { headers: { ...session, ...bearer(mine), Accept: 'text/event-stream' } });
    assert.equal(listening.status, 200);
    revoke(file, 'mine');
    await listening.text().catch(() => {});
    const again = create(file, 'mine');
    await until(async () => await ask(again, session) === 404, 'the session ends');
    assert.equal(await ask(other, theirs), 200);
    await server.stop();
  });

  test('a file that can no longer be trusted lets nobody in, until it can', async () => {
    const file = newFile(), token = create(file, 'x');
    const server = await startServer('--tokens', file);
    const ask = async () => (await post(server, legacyCall('echo', { text: 'x' }), bearer(token))).status;
    const text = readFileSync(file);
    assert.equal(await ask(), 200);
    for (const [spoil, mend] of [
      [() => chmodSync(file, 0o644), () => chmodSync(file, 0o600)],
      [() => writeFileSync(file, '{'), () => writeFileSync(file, text)],
      [() => unlinkSync(file), () => writeFileSync(file, text, { mode: 0o600 })],
    ]) {
      spoil();
      assert.equal(await ask(), 401);
      mend();
      assert.equal(await ask(), 200);
    }
    await server.stop();
    assert.equal(server.log.match(/nobody is let in/g).length, 3, server.log);
  });
});

describe('sextant serve', () => {
  const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } };

  test('other machines: only with tokens, and the refusal says how to make one', () => {
    for (const listen of ['0.0.0.0:0', '[::]:0', '192.0.2.1:0']) {
      const run = sextant(['serve', '--listen', listen]);
      assert.equal(run.status, 1);
      assert.match(run.stderr, /sextant token create NAME/);
      assert.equal(JSON.parse(run.stderr.trim().split('\n').at(-1)).error.field, 'http.listen');
    }
    const missing = sextant(['serve', '--listen', '127.0.0.1:0', '--tokens', newFile()]);
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /No such file/);
  });

  test('the file in the configuration folder counts without being named', async () => {
    const env = { XDG_CONFIG_HOME: join(folder, 'serve-xdg') };
    const run = sextant(['token', 'create', 'x'], env);
    const server = await startServe(['--listen', '127.0.0.1:0'], env);
    assert.equal((await post(server, initialize)).status, 401);
    assert.equal((await post(server, initialize, bearer(run.stdout.trim()))).status, 200);
    assert.ok(!server.log.includes(run.stdout.trim().slice(4)));
  });

  const host = async (server, address, value, token) => {
    const raw = await Raw.open(server.port, { host: address });
    await raw.write(postBytes(initialize, { ...bearer(token), Host: value }));
    const { status } = await raw.answer();
    await raw.close();
    return status;
  };

  test('on every address: any IP address as the host, and the names it is told', async () => {
    const file = newFile(), token = create(file, 'x');
    for (const listen of ['0.0.0.0:0', '[::]:0']) {
      const server = await startServe(['--listen', listen, '--tokens', file, '--allowed-hosts', 'sextant.example.com']).catch((error) => {
        if (/EAFNOSUPPORT|not supported|not available/.test(error.message)) return null; // no IPv6 here
        throw error;
      });
      if (server === null) continue;
      const addresses = Object.values(networkInterfaces()).flat().filter(({ family }) => family === 'IPv4').map(({ address }) => address);
      for (const address of addresses) assert.equal(await host(server, address, `${address}:${server.port}`, token), 200, address);
      for (const name of ['localhost', '192.0.2.7:8765', '[2001:db8::1]:1', 'sextant.example.com'])
        assert.equal(await host(server, '127.0.0.1', name, token), 200, name);
      for (const name of ['evil.example.com', '192.0.2.7.evil.example.com', '1.2.3', '[::1', '2001:db8::1'])
        assert.equal(await host(server, '127.0.0.1', name, token), 403, name);
      assert.equal((await post(server, initialize, { ...bearer(token), Origin: 'http://192.0.2.7' })).status, 403);
      assert.equal((await post(server, initialize)).status, 401);
      server.child.kill('SIGTERM');
    }
  });

  test('on one address: that one as the host', async () => {
    const file = newFile(), token = create(file, 'x');
    const server = await startServe(['--listen', '127.0.0.9:0', '--tokens', file]);
    for (const [name, status] of [['127.0.0.9', 200], ['127.0.0.9:1', 200], ['localhost', 200], ['127.0.0.8', 403], ['192.0.2.7', 403]])
      assert.equal(await host(server, '127.0.0.9', name, token), status, name);
  });

  test('a file of tokens that was mended is told', async () => {
    const file = newFile(), token = create(file, 'x');
    const server = await startServe(['--listen', '127.0.0.1:0', '--tokens', file]);
    chmodSync(file, 0o644);
    assert.equal((await post(server, initialize, bearer(token))).status, 401);
    chmodSync(file, 0o600);
    assert.equal((await post(server, initialize, bearer(token))).status, 200);
    await until(() => /the tokens can be read again/.test(server.log), 'it says so');
    revoke(file, 'x');
    const empty = await startServe(['--listen', '127.0.0.1:0', '--tokens', file]);
    await until(() => /no token exists, so nobody is let in/.test(empty.log), 'it warns');
  });

  test('sessions are off until asked for', async () => {
    const file = newFile(), token = create(file, 'x');
    for (const [args, env, isOn] of [[[], {}, false], [['--sessions', 'true'], {}, true], [[], { SEXTANT_SESSIONS: 'true' }, true]]) {
      const server = await startServe(['--listen', '127.0.0.1:0', '--tokens', file, ...args], env);
      const answer = await post(server, initialize, bearer(token));
      assert.equal(answer.headers.get('mcp-session-id') !== null, isOn);
      server.child.kill('SIGTERM');
    }
  });
});
