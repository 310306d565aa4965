// The stdio transport from the outside: framing, concurrency, and all the ways in which it ends.
//   ECHO_SERVER=…/echo_server node --test stdio.test.mjs
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { spawn } from '../children.mjs';

const SERVER = process.env.ECHO_SERVER;
assert.ok(SERVER, 'ECHO_SERVER must name the binary');
const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
const SOON_MS = 1000; // every end comes within this
const SLACK_MS = 9000; // for starting and reaping the process on a busy machine

const scratch = mkdtempSync(join(tmpdir(), 'sextant-stdio-'));
after(() => rmSync(scratch, { recursive: true }));

// A server and what it said. `lines` holds every parsed line of its output: a line that is no JSON
// fails the test.
class Server {
  constructor(stdio = ['pipe', 'pipe', 'pipe']) {
    this.child = spawn(SERVER, ['--stdio'], { stdio });
    this.lines = [];
    this.log = '';
    this.waiting = [];
    // At its exit, what it said may still be on its way: at the close all has been read.
    this.gone = once(this.child, 'close').then(([code, signal]) => ({ code, signal }));
    let text = '';
    this.child.stdout?.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (!chunk.includes('\n')) return; // a long line is not searched again and again
      const parts = text.split('\n');
      text = parts.pop();
      for (const part of parts) this.lines.push(JSON.parse(part));
      this.waiting.forEach((check) => check());
    });
    this.child.stderr?.setEncoding('utf8').on('data', (chunk) => {
      this.log += chunk;
      this.waiting.forEach((check) => check());
    });
    this.child.stdin?.on('error', () => {});
  }

  write(text) {
    this.child.stdin.write(text);
  }

  send(message) {
    this.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  call(id, name, args, meta) {
    this.send({ id, method: 'tools/call', params: { name, arguments: args, ...(meta && { _meta: meta }) } });
  }

  // Resolves with what `find` returns once it is truthy.
  until(find, what, ms = 30000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no ${what}; got ${JSON.stringify(this.lines).slice(0, 2000)}\n${this.log}`));
      }, ms);
      const check = () => {
        const found = find();
        if (!found) return;
        clearTimeout(timer);
        this.waiting.splice(this.waiting.indexOf(check), 1);
        resolve(found);
      };
      this.waiting.push(check);
      check();
    });
  }

  answer(id) {
    return this.until(() => this.lines.find((m) => m.id === id && !m.method), `answer to ${id}`);
  }

  // The process must be gone within the second; returns how.
  async ends(since = Date.now()) {
    const end = await Promise.race([this.gone, sleep(SOON_MS + SLACK_MS, null, { ref: false })]);
    const ms = Date.now() - since;
    assert.ok(end, `still running\n${this.log}`);
    assert.ok(ms <= SOON_MS + SLACK_MS, `took ${ms} ms\n${this.log}`);
    return { ...end, ms };
  }

  async close() {
    this.child.stdin.end();
    assert.deepEqual((await this.ends()).code, 0, this.log);
  }
}

const structured = (message) => message.result.structuredContent;

test('a session of both eras', async () => {
  const s = new Server();
  s.send({ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } });
  assert.equal((await s.answer(0)).result.protocolVersion, '2025-11-25');
  s.send({ method: 'notifications/initialized' });
  s.send({ id: 1, method: 'tools/list' });
  assert.deepEqual((await s.answer(1)).result.tools.map((t) => t.name), ['echo', 'slow', 'fail', 'big', 'noise', 'change', 'linger']);
  s.send({ id: 'd', method: 'server/discover', params: { _meta: MODERN } });
  assert.deepEqual((await s.answer('d')).result.supportedVersions, ['2026-07-28']);
  s.call(2, 'fail', {});
  assert.equal((await s.answer(2)).result.isError, true);
  await s.close();
});

test('nothing but the protocol reaches the output', async () => {
  const s = new Server();
  s.call(1, 'noise', { text: 'x' });
  assert.deepEqual(structured(await s.answer(1)), { text: 'x' });
  await s.until(() => s.log.includes('noise on standard output') && s.log.includes('more noise'), 'noise on stderr');
  await s.close();
  assert.equal(s.lines.length, 1);
});

test('input in fragments of every size', async () => {
  const s = new Server();
  const text = [1, 2, 3, 4, 5].map((id) => JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'echo', arguments: { text: `é😀${id}` } } })).join('\n') + '\n';
  const bytes = Buffer.from(text);
  for (let at = 0, step = 1; at < bytes.length; at += step, step = (step % 7) + 1) {
    s.child.stdin.write(bytes.subarray(at, at + step));
    if (at % 50 < 3) await sleep(1);
  }
  for (const id of [1, 2, 3, 4, 5]) assert.deepEqual(structured(await s.answer(id)), { text: `é😀${id}` });
  await s.close();
});

test('many lines in one write, CRLF, blank lines', async () => {
  const s = new Server();
  const ping = (id) => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });
  s.write(`\n\r\n${ping(1)}\r\n  \n\t${ping(2)} \r\n\n${ping(3)}\n`);
  await s.answer(3);
  assert.deepEqual(s.lines.map((m) => m.id), [1, 2, 3]);
  await s.close();
});

test('what is no message is answered, and the server lives', async () => {
  const s = new Server();
  const rows = [
    ['garbage', -32700], ['{"jsonrpc":"2.0",', -32700], ['{"a":1,"a":2}', -32700],
    ['"\\ud800"', -32700], ['[1e400]', -32700], ['18446744073709551616', -32600],
    ['['.repeat(100000), -32700], ['null', -32600], ['{}', -32600], ['[]', -32600],
    [Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), -32700],
    [Buffer.from('{"jsonrpc":"2.0","id":1,"method":"pi\0ng"}'), -32700],
    [Buffer.from([0xc3, 0x28]), -32700], [Buffer.from([0]), -32700],
  ];
  for (const [line] of rows) {
    s.write(line);
    s.write('\n');
  }
  await s.until(() => s.lines.length === rows.length, 'answer to each');
  assert.deepEqual(s.lines.map((m) => m.error.code), rows.map(([, code]) => code));
  assert.ok(s.lines.every((m) => m.id === null));
  s.send({ id: 1, method: 'ping' });
  await s.answer(1);
  await s.close();
});

test('a huge line is refused, skipped, and the next one served', async () => {
  const s = new Server();
  const mebibyte = 'x'.repeat(1 << 20);
  s.write('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo","arguments":{"text":"');
  for (let i = 0; i < 17; i++) s.write(mebibyte);
  s.write('"}}}\n');
  s.send({ id: 8, method: 'ping' });
  await s.answer(8);
  assert.equal(s.lines.length, 2);
  assert.equal(s.lines[0].error.code, -32700);
  assert.match(s.lines[0].error.message, /16777216 bytes/);
  await s.close();
});

test('a line just below the cap is served', async () => {
  const s = new Server();
  const text = 'y'.repeat(10 << 20);
  s.call(1, 'echo', { text });
  assert.equal(structured(await s.answer(1)).text.length, text.length);
  await s.close();
});

test('200 calls at once, answered as they end', async () => {
  const s = new Server();
  const started = Date.now();
  for (let id = 0; id < 200; id++) s.call(id, 'slow', { ms: 400 - id });
  for (let id = 0; id < 200; id++) await s.answer(id);
  assert.ok(Date.now() - started < 60000); // one after the other would take that long
  assert.equal(s.lines.length, 200);
  assert.ok(s.lines.some(({ id }, at) => at > 0 && id < s.lines[at - 1].id), 'as they end, not as they were asked');
  await s.close();
});

test('answers far larger than a pipe, to a client that reads late', async () => {
  const s = new Server();
  s.child.stdout.pause();
  for (let id = 0; id < 12; id++) s.call(id, 'big', { bytes: 3 << 20 });
  await sleep(300);
  s.child.stdout.resume();
  for (let id = 0; id < 12; id++) assert.equal((await s.answer(id)).result.content[0].text.length, 3 << 20);
  s.send({ id: 'after', method: 'ping' });
  await s.answer('after'); // reading was paused meanwhile, and goes on
  await s.close();
});

test('progress comes before the answer, and not too often', async () => {
  const s = new Server();
  s.call(1, 'slow', { ms: 700 }, { progressToken: 'p' });
  await s.answer(1);
  const progress = s.lines.filter((m) => m.method === 'notifications/progress').map((m) => m.params);
  assert.ok(progress.length >= 2 && progress.length <= 4, `${progress.length}`);
  assert.ok(progress.every((p, i) => p.progressToken === 'p' && (i === 0 || p.progress > progress[i - 1].progress)));
  assert.equal(s.lines.at(-1).id, 1);
  await s.close();
});

test('cancelling in the middle of a call', async () => {
  const s = new Server();
  s.call(1, 'slow', { ms: 60000 }, { progressToken: 1 });
  s.call('1', 'slow', { ms: 300 });
  await s.until(() => s.lines.length > 0, 'progress');
  s.send({ method: 'notifications/cancelled', params: { requestId: 1, reason: 'test' } });
  s.send({ id: 'behind', method: 'ping' });
  await s.until(() => s.log.includes('cancelled c1'), 'cancellation');
  const behind = await s.answer('behind');
  assert.equal((await s.answer('1')).result.structuredContent.ms, 300);
  const later = s.lines.slice(s.lines.indexOf(behind) + 1);
  assert.ok(later.every((m) => m.id === '1'), 'nothing more for the cancelled one');
  assert.equal(s.lines.find((m) => m.id === 1), undefined);
  await s.close();
});

test('end of input: idle, at once', async () => {
  const s = new Server();
  s.send({ id: 1, method: 'ping' });
  await s.answer(1);
  const since = Date.now();
  s.child.stdin.end();
  const { code, ms } = await s.ends(since);
  assert.equal(code, 0);
  assert.ok(ms <= SOON_MS + SLACK_MS, `${ms} ms`);
});

test('end of input: what was asked is answered', async () => {
  const s = new Server();
  s.call(1, 'slow', { ms: 300 });
  s.child.stdin.end('{"jsonrpc":"2.0","id":2,"method":"ping"}'); // no newline
  assert.equal((await s.ends()).code, 0);
  assert.deepEqual(s.lines.map((m) => m.id), [2, 1]);
});

test('end of input: what takes too long is cancelled', async () => {
  const s = new Server();
  s.call(1, 'slow', { ms: 60000 });
  s.send({ id: 2, method: 'ping' });
  await s.answer(2);
  const since = Date.now();
  s.child.stdin.end();
  assert.equal((await s.ends(since)).code, 0);
  assert.match(s.log, /cancelled c1/);
  assert.equal((await s.answer(1)).result.isError, true); // the client reads on: it is told
});

test('end of input: who listens for changes is told', async () => {
  const s = new Server();
  s.send({ id: 'l', method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true }, _meta: MODERN } });
  await s.until(() => s.lines.find((m) => m.method === 'notifications/subscriptions/acknowledged'), 'acknowledgement');
  s.call(1, 'slow', { ms: 100 });
  s.child.stdin.end();
  assert.equal((await s.ends()).code, 0);
  assert.deepEqual(s.lines.slice(1).map((m) => m.id), [1, 'l'], 'what was asked first, then the end of listening');
  assert.equal(s.lines[2].result.resultType, 'complete');
  assert.equal(s.lines[2].result._meta['io.modelcontextprotocol/subscriptionId'], 'l');
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  test(`${signal} with calls running`, async () => {
    const s = new Server();
    s.call(1, 'slow', { ms: 60000 });
    s.call(2, 'slow', { ms: 60000 });
    s.send({ id: 3, method: 'ping' });
    await s.answer(3);
    const since = Date.now();
    s.child.kill(signal);
    const { code, ms } = await s.ends(since);
    assert.equal(code, 0, s.log);
    assert.ok(ms <= SOON_MS + SLACK_MS, `${ms} ms`);
    assert.match(s.log, /cancelled c1/);
    assert.match(s.log, /cancelled c2/);
  });
}

test('a client that closes its end: noticed without anything to write', async () => {
  const s = new Server();
  s.call(1, 'slow', { ms: 60000 });
  s.send({ id: 2, method: 'ping' });
  await s.answer(2);
  const since = Date.now();
  s.child.stdout.destroy();
  const { ms } = await s.ends(since);
  assert.ok(ms <= SOON_MS + SLACK_MS, `${ms} ms`);
  assert.match(s.log, /cancelled c1/);
});

test('a client that closes its end while much is waiting for it', async () => {
  const s = new Server();
  s.child.stdout.pause();
  for (let id = 0; id < 10; id++) s.call(id, 'big', { bytes: 1 << 20 });
  await sleep(200);
  const since = Date.now();
  s.child.stdout.destroy();
  await s.ends(since);
});

test('a client that never reads does not keep it alive', async () => {
  const s = new Server();
  s.child.stdout.pause();
  for (let id = 0; id < 10; id++) s.call(id, 'big', { bytes: 1 << 20 });
  await sleep(200);
  const since = Date.now();
  s.child.stdin.end();
  await s.ends(since);
});

// A shell between us and the server, with pipes that outlive it: only the death of the parent tells.
test('the parent dies, its pipes stay open', async () => {
  const parent = spawn('/bin/sh', ['-c', `"$0" --stdio <&3 3<&- & echo $! >&2; wait`, SERVER], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  let pid = '';
  parent.stderr.setEncoding('utf8').on('data', (chunk) => { pid += chunk; });
  let out = '';
  parent.stdout.setEncoding('utf8').on('data', (chunk) => { out += chunk; });
  parent.stdio[3].write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
  for (let i = 0; !out.includes('"id":1') && i < 1500; i++) await sleep(20);
  assert.match(out, /"id":1/);
  const server = Number(pid.trim().split('\n')[0]);
  assert.ok(isAlive(server));
  const since = Date.now();
  parent.kill('SIGKILL');
  while (isAlive(server) && Date.now() - since <= SOON_MS + SLACK_MS) await sleep(10);
  const ms = Date.now() - since;
  if (isAlive(server)) process.kill(server, 'SIGKILL');
  assert.ok(ms <= SOON_MS + SLACK_MS, `took ${ms} ms`);
});

function isAlive(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}

test('plain files as input and output', async () => {
  const input = join(scratch, 'in'), output = join(scratch, 'out');
  const lines = Array.from({ length: 500 }, (_, id) => JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'big', arguments: { bytes: 2000 } } }));
  writeFileSync(input, lines.join('\n'));
  const fds = [openSync(input, 'r'), openSync(output, 'w')];
  const s = new Server([...fds, 'pipe']);
  fds.forEach(closeSync);
  assert.equal((await s.ends()).code, 0);
  const answers = readFileSync(output, 'utf8').trimEnd().split('\n').map((l) => JSON.parse(l));
  assert.deepEqual(answers.map((m) => m.id), lines.map((_, id) => id));
});

test('no input and no output at all', async () => {
  const nothing = openSync('/dev/null', 'r+');
  const s = new Server([nothing, nothing, 'pipe']);
  closeSync(nothing);
  assert.equal((await s.ends()).code, 0);
  assert.match(s.log, /end of input/);
});

// Node hands its children sockets; a shell gives them pipes.
test('pipes: a reader that leaves is noticed while nothing is written', async () => {
  const script = `(echo '{"jsonrpc":"2.0","id":1,"method":"ping"}'; exec sleep 60) | "$0" --stdio | head -n 1`;
  const child = spawn('/bin/sh', ['-c', script, SERVER], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let out = '', log = '', since = 0, ms = 0;
  child.stdout.setEncoding('utf8').on('data', (chunk) => { out += chunk; since = Date.now(); });
  child.stderr.setEncoding('utf8').on('data', (chunk) => { log += chunk; ms = since > 0 ? Date.now() - since : 0; });
  for (let i = 0; !log.includes('ended') && i < 3000; i++) await sleep(10);
  process.kill(-child.pid, 'SIGKILL'); // the sleep as well
  await once(child, 'close');
  assert.deepEqual(JSON.parse(out), { jsonrpc: '2.0', id: 1, result: {} });
  assert.match(log, /ended: the client closed its end/);
  assert.ok(ms <= SOON_MS + SLACK_MS, `took ${ms} ms`);
});

test('changes are told unasked: to a legacy client after initialize, to a modern one that listens', async () => {
  const server = new Server();
  const isChange = (line) => line.method === 'notifications/tools/list_changed';
  server.send({ id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } });
  server.send({ method: 'notifications/initialized' });
  server.call(1, 'change', {});
  await server.until(() => server.lines.some(isChange), 'a change for the legacy client');
  server.send({ id: 'l', method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true }, _meta: MODERN } });
  await server.until(() => server.lines.some((line) => line.method === 'notifications/subscriptions/acknowledged'), 'the acknowledgement');
  server.call(2, 'change', {});
  const heard = () => server.lines.filter(isChange).some((line) => line.params?._meta?.['io.modelcontextprotocol/subscriptionId'] === 'l');
  await server.until(heard, 'a change for the one that listens');
  // Told to end, the server ends the subscription in order.
  server.child.kill('SIGTERM');
  await server.until(() => server.lines.some((line) => line.id === 'l' && line.result?.resultType === 'complete'), 'the last word');
  await server.gone;
});

test('what has outlived its time ends while nothing else happens', async () => {
  const server = new Server();
  const meta = { ...MODERN, 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } };
  server.call(1, 'linger', {}, meta);
  await server.until(() => server.lines.some((line) => line.result?.resultType === 'task'), 'a task');
  await server.until(() => server.log.includes('cancelled linger'), 'its end');
  server.child.stdin.end();
  await server.gone;
});

test('leaves shared descriptors as it found them', async () => {
  // The shell and the server share one pipe; a non-blocking mode left behind would show.
  const script = `"$0" --stdio </dev/null; grep flags /proc/self/fdinfo/1`;
  const child = spawn('/bin/sh', ['-c', script, SERVER], { stdio: ['ignore', 'pipe', 'ignore'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => { out += chunk; });
  await once(child, 'close');
  const flags = parseInt(out.trim().split(/\s+/)[1], 8);
  assert.ok(out.includes('flags') && Number.isInteger(flags), out);
  assert.equal(flags & 0o4000, 0, 'O_NONBLOCK is still set');
});
