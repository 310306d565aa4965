// A client that vanishes in the middle of a query takes the query along, in the embedded engine as
// on a server (tests/wire/adversary.test.mjs): shown by the engine's own list of what runs.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';

import { spawn } from '../children.mjs';
import { META, MODERN, RawStdio, SEXTANT, engineProblem, postCall } from '../clients/store.mjs';
import { Rig, SLOW_CALL, isAlive, until } from './rig.mjs';

const problem = engineProblem();

// The events of the source `running` are the statements that run in the engine at this moment.
const isSlow = (result) => {
  assert.ok(!result.isError, result.content?.[0]?.text);
  return result.structuredContent.events.some(({ event }) => event === 'slow');
};

const body = JSON.stringify({ jsonrpc: '2.0', id: 'slow', method: 'tools/call', params: { name: SLOW_CALL[0], arguments: SLOW_CALL[1], _meta: META } });
const request = (port) => `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n`
  + `MCP-Protocol-Version: ${MODERN}\r\nMcp-Method: tools/call\r\nMcp-Name: ${SLOW_CALL[0]}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('a client that vanishes', { skip: problem || false }, () => {
  let rig;
  before(() => { rig = new Rig('vanish').fill().addSlow(); });
  after(() => rig?.remove());

  test('over HTTP: by closing, by a reset, by half a message of another', { timeout: 120000 }, async (t) => {
    const child = spawn(SEXTANT, ['serve', '--listen', '127.0.0.1:0', '--data', rig.data], { env: rig.env, stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      let log = '', port;
      child.stderr.setEncoding('utf8').on('data', (text) => { log += text; });
      await until(() => { port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(log)?.[1]; return port; }, 'does not listen');
      const url = `http://127.0.0.1:${port}/mcp`;
      const isRunning = async () => {
        const { json, text } = await postCall(url, 'list_events', { source: 'running' });
        assert.ok(json?.result, text);
        return isSlow(json.result);
      };
      assert.equal(await isRunning(), false);
      for (const vanish of [(s) => s.end(), (s) => s.destroy(), (s) => s.resetAndDestroy(), (s) => { s.write('POST /mcp HT'); s.destroy(); }]) {
        const socket = net.connect(port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write(request(port));
        await until(isRunning, 'the query never starts', 30000);
        vanish(socket);
        const ms = await until(async () => !await isRunning(), `the query still runs after ${vanish}`);
        t.diagnostic(`${ms} ms until the query stopped after ${vanish}`);
        socket.destroy();
      }
    } finally {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });

  test('over stdio: by cancelling', { timeout: 120000 }, async (t) => {
    const side = new RawStdio(rig);
    const isRunning = async () => isSlow(await side.call('list_events', { source: 'running' }));
    assert.equal(await isRunning(), false);
    side.write(`${body}\n`);
    await until(isRunning, 'the query never starts', 30000);
    side.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'slow' } })}\n`);
    const ms = await until(async () => !await isRunning(), 'the query still runs');
    t.diagnostic(`${ms} ms until the query stopped`);
    await side.close();
  });

  // The engine lives in the process: the query ends with it at the latest, and the store is free.
  for (const [what, end] of [
    ['the end of its input', (side) => side.child.stdin.end()],
    ['SIGTERM', (side) => side.child.kill('SIGTERM')],
    ['closing both pipes', (side) => { side.child.stdin.destroy(); side.child.stdout.destroy(); }],
  ])
    test(`over stdio: ${what} ends the process in the middle of a query`, { timeout: 120000 }, async (t) => {
      const side = new RawStdio(rig);
      const isRunning = async () => isSlow(await side.call('list_events', { source: 'running' }));
      side.write(`${body}\n`);
      await until(isRunning, 'the query never starts', 30000);
      end(side);
      const ms = await until(() => !isAlive(side.child.pid), 'the process still runs');
      t.diagnostic(`${ms} ms until its end`); // a second for the calls, and the engine's own end
      await until(() => !rig.isLocked(), 'the lock is left');
    });
});
