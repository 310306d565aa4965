// What the tests of accidents share: an embedded store with a source on which a call takes long and
// one that shows what runs in the engine, and looks at processes and locks from outside.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { SEXTANT, environment } from '../clients/store.mjs';

const GONE_MS = 20000; // a second is promised; the rest is what a loaded machine adds

// Views that no import could make, written with the engine's own binding while nobody has the store.
const VIEWS = [
  `CREATE OR REPLACE VIEW sextant.slow AS SELECT fromUnixTimestamp64Micro(toInt64(1770000000000000 + number * 1000)) AS time, 'e' AS event,
    hex(sipHash128(number % 3)) AS actor, map('k', hex(sipHash128(number))) AS properties FROM numbers(2000000000)`,
  `CREATE OR REPLACE VIEW sextant.running AS SELECT toDateTime64('2026-03-01 00:00:00', 6, 'UTC') AS time,
    if(query LIKE '%\`slow\`%', 'slow', 'other') AS event, query_id AS actor, map('query', query) AS properties FROM system.processes`,
];
// It kills itself: leaving with a running engine crashes or hangs now and then.
const SET_UP = `const { Session } = require('chdb');
  const session = new Session(process.argv[1]);
  for (const view of JSON.parse(process.argv[2])) session.query(view);
  process.kill(process.pid, 'SIGKILL');`;

export const SLOW_CALL = ['run_funnel', { source: 'slow', steps: [{}] }];

export class Rig {
  constructor(name) {
    this.folder = mkdtempSync(join(tmpdir(), `sextant-${name}-`));
    this.data = join(this.folder, 'store');
    this.env = environment(this.folder);
  }

  // A small source, `visits`, of which figures are known: 3 people viewed, 2 of them bought.
  fill() {
    const file = join(this.folder, 'visits.csv');
    const row = (i, event, who) => `2026-03-01T00:0${i}:00Z,${event},${who}\n`;
    writeFileSync(file, `time,event,actor\n${['a', 'b', 'c'].map((who) => row(0, 'view', who)).join('')}${row(1, 'buy', 'a')}${row(1, 'buy', 'b')}`);
    this.run(['import', file, '--source', 'visits', '--time', 'time', '--event', 'event', '--actor', 'actor']);
    return this;
  }

  addSlow() {
    const run = spawnSync(process.execPath, ['-e', SET_UP, join(this.data, 'engine'), JSON.stringify(VIEWS)],
      { encoding: 'utf8', cwd: import.meta.dirname, timeout: 60000 });
    assert.equal(run.signal, 'SIGKILL', `${run.status}: ${run.stderr}`);
    return this;
  }

  run(args, options) {
    const run = this.try(args, options);
    assert.equal(run.status, 0, `sextant ${args.join(' ')}: ${run.error ?? ''}${run.stdout}${run.stderr}`);
    return run.stdout;
  }

  try(args, { env = {}, timeout = 60000 } = {}) {
    return spawnSync(SEXTANT, [...args, '--data', this.data],
      { encoding: 'utf8', env: { ...this.env, ...env }, maxBuffer: 64 << 20, timeout });
  }

  // Whether any process has the store: the kernel's list of locks names the file.
  isLocked() {
    const { ino } = statSync(join(this.data, 'lock'));
    return readFileSync('/proc/locks', 'utf8').split('\n').some((line) => line.split(/\s+/).some((word) => word.endsWith(`:${ino}`)));
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

export function isAlive(pid) {
  try {
    // What has ended but was not yet waited for by its parent is gone, too.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

export async function until(test, what, ms = GONE_MS) {
  const begin = Date.now();
  while (!await test()) {
    assert.ok(Date.now() - begin < ms, what);
    await sleep(10);
  }
  return Date.now() - begin;
}

export const memoryOf = (pid) => Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]); // kB

// A generator of numbers that every run repeats.
export function random(seed) {
  let a = seed >>> 0;
  return (below) => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}
