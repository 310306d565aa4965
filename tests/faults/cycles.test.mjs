// `sextant stdio` is started and ended over and over, by every cause and at any moment, on one store:
// nothing may be left of it, neither a process nor the store's lock, and the store must stay whole.
//   FAULT_CYCLES   how many (default 60; the full number is 1000)
//   FAULT_SEED     where the random numbers start (default 1)
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { spawn } from '../children.mjs';
import { META, SEXTANT, engineProblem } from '../clients/store.mjs';
import { Rig, SLOW_CALL, isAlive, random, until } from './rig.mjs';

const CYCLES = Number(process.env.FAULT_CYCLES ?? 60);
const SEED = Number(process.env.FAULT_SEED ?? 1);
const AT_ONCE = 2; // chains of cycles, each on a store of its own
const problem = engineProblem();

const line = (id, method, params) => `${JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta: META } })}\n`;
const call = (id, name, args) => line(id, 'tools/call', { name, arguments: args });

// What the client has said when the end comes, and whether it waits for the answers.
const openings = [
  { what: 'nothing', text: '' },
  { what: 'half a message', text: '{"jsonrpc":"2.0","id":1,"meth' },
  { what: 'a list of tools', text: line(1, 'tools/list', {}) },
  { what: 'a list of tools, answered', text: line(1, 'tools/list', {}), answers: 1 },
  { what: 'a call that opens the store', text: call(1, 'list_events', { source: 'visits' }) },
  { what: 'a call, answered', text: call(1, 'list_events', { source: 'visits' }), answers: 1 },
  { what: 'a call, answered, and a long one', text: call(1, 'list_events', { source: 'visits' }) + call(2, ...SLOW_CALL), answers: 1 },
  { what: 'many calls', text: Array.from({ length: 8 }, (_, i) => call(i + 1, 'list_events', { source: 'visits', limit: i + 1 })).join('') },
];

// A shell between the client and the server, which dies: the server's pipes stay open.
const PARENT = 'exec 3<&0; "$@" <&3 & echo $! >&2; wait';

const endings = [
  { what: 'the input ends', end: ({ child }) => child.stdin.end() },
  { what: 'both pipes are closed', end: ({ child }) => { child.stdin.destroy(); child.stdout.destroy(); } },
  { what: 'SIGTERM', end: ({ pid }) => process.kill(pid, 'SIGTERM') },
  { what: 'SIGINT', end: ({ pid }) => process.kill(pid, 'SIGINT') },
  { what: 'SIGTERM twice', end: ({ pid }) => { process.kill(pid, 'SIGTERM'); process.kill(pid, 'SIGTERM'); } },
  { what: 'SIGKILL', end: ({ pid }) => process.kill(pid, 'SIGKILL') },
  { what: 'the input ends, then SIGKILL', end: ({ child, pid }) => { child.stdin.end(); process.kill(pid, 'SIGKILL'); } },
  { what: 'the parent is killed', hasParent: true, end: ({ child }) => child.kill('SIGKILL') },
];

async function start(rig, hasParent) {
  const args = ['stdio', '--data', rig.data];
  const child = hasParent ? spawn('/bin/sh', ['-c', PARENT, 'sh', SEXTANT, ...args], { env: rig.env })
    : spawn(SEXTANT, args, { env: rig.env });
  const side = { child, pid: child.pid, out: '', log: '' };
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.stdout.on('error', () => {}).setEncoding('utf8').on('data', (text) => { side.out += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { side.log += text; });
  side.gone = once(child, 'close');
  if (hasParent) await until(() => { side.pid = Number(/^\d+$/m.exec(side.log)?.[0]); return side.pid; }, 'the shell starts nothing');
  return side;
}

async function cycle(rig, pick, figures) {
  const opening = openings[pick(openings.length)], ending = endings[pick(endings.length)];
  const what = `${opening.what}; ${ending.what}`;
  const side = await start(rig, ending.hasParent);
  side.child.stdin.write(opening.text);
  if (opening.answers) await until(() => side.out.split('\n').length > opening.answers, `${what}: no answer; ${side.log}`, 30000);
  if (pick(2)) await sleep(pick(60)); // any moment
  const isRunning = isAlive(side.pid);
  ending.end(side);
  figures.push([await until(() => !isAlive(side.pid), `${what}: the process is left`), what]);
  await side.gone;
  assert.ok(isRunning, `${what}: ended on its own: ${side.log}`);
  for (const message of side.out.split('\n').slice(0, -1)) JSON.parse(message); // whole messages only
  await until(() => !rig.isLocked(), `${what}: the lock is left`); // threads may end after the first one
}

describe('start and end', { skip: problem || false }, () => {
  const rigs = [];
  before(() => {
    for (let i = 0; i < AT_ONCE; i += 1) rigs.push(new Rig('cycles').fill().addSlow());
  });
  after(() => rigs.forEach((rig) => rig.remove()));

  test(`${CYCLES} cycles leave nothing behind`, { timeout: CYCLES * 3000 + 60000 }, async (t) => {
    const figures = [];
    await Promise.all(rigs.map(async (rig, i) => {
      const pick = random(SEED * 1000 + i);
      for (let n = i; n < CYCLES; n += AT_ONCE) {
        await cycle(rig, pick, figures);
        if (n % 100 === i) checkStore(rig);
      }
      checkStore(rig);
    }));
    figures.sort(([a], [b]) => a - b);
    const [slowest, what] = figures.at(-1);
    t.diagnostic(`${figures.length} ends: median ${figures[figures.length >> 1][0]} ms, slowest ${slowest} ms (${what})`);
  });
});

function checkStore(rig) {
  const { events } = JSON.parse(rig.run(['call', 'list_events', '{"source":"visits"}']));
  assert.deepEqual(events.map(({ event, count }) => [event, count]), [['view', 3], ['buy', 2]]);
}
