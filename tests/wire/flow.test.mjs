// Rework and throughput of a log of six cases, whose figures are worked out by hand, and bottlenecks of many.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Store } from './import_tools.mjs';

const store = new Store();
after(() => store.remove());

const HOUR = 3600, DAY = 24 * HOUR;
const CASES = {
  c1: [['A', '2026-01-05'], ['B', '2026-01-06']],
  c2: [['A', '2026-01-06'], ['B', '2026-01-06T12:00:00'], ['A', '2026-01-07'], ['B', '2026-01-08']],
  c3: [['A', '2026-01-10'], ['A', '2026-01-11'], ['B', '2026-01-12']],
  c4: [['A', '2026-01-12'], ['B', '2026-01-13'], ['C', '2026-01-14'], ['B', '2026-01-16']],
  c5: [['A', '2026-03-29'], ['B', '2026-03-30']],
  c6: [['A', '2026-03-27'], ['B', '2026-03-31']],
};
const rows = Object.entries(CASES).flatMap(([id, events]) => events.map(([name, at]) => `${at}${at.length === 10 ? 'T00:00:00' : ''}Z,${name},${id}`));
const log = store.file('log.csv', `time,event,ticket\n${rows.join('\n')}\n`);
const loaded = store.import([log, '--source', 'log', '--case', 'ticket']);
const ask = (tool, args) => JSON.parse(store.call(tool, { source: 'log', ...args }));
const near = (got, want) => assert.ok(Math.abs(got - want) < 1e-9, `${got}, expected ${want}`);

test('repeats and loops', () => {
  assert.equal(loaded.rows_rejected, 0);
  const result = ask('rework_report', {});
  // C comes once: it is not there. A B A B goes back to A, and to B once more.
  assert.deepEqual(result.activities, [
    { activity: 'A', cases: 6, cases_with_repeat: 2, extra_occurrences: 2, self_loops: 1, extra_s: 36 * HOUR },
    { activity: 'B', cases: 6, cases_with_repeat: 2, extra_occurrences: 2, self_loops: 0, extra_s: 72 * HOUR }]);
  assert.deepEqual(result.loops, [
    { from: 'A', to: 'B', cases: 1, count: 1, extra_s: 24 * HOUR },
    { from: 'B', to: 'A', cases: 1, count: 1, extra_s: 12 * HOUR },
    { from: 'C', to: 'B', cases: 1, count: 1, extra_s: 48 * HOUR }]);
  assert.deepEqual(result.overall, { cases_with_any_repeat: 3, share: 0.5, extra_events: 4, extra_s: 108 * HOUR });
});

test('repeats of two periods', () => {
  const result = ask('rework_report', { from: '2026-01-10', to: '2026-01-14', compare: 'previous' });
  assert.deepEqual(result.activities.map((a) => [a.activity, a.extra_occurrences, a.previous, a.change]), [['A', 1, 1, 0], ['B', 1, 1, 0]]);
  assert.deepEqual(result.loops.map((l) => [l.from, l.to, l.count, l.previous, l.change]), [['C', 'B', 1, 0, undefined]]);
  const text = store.call('rework_report', { source: 'log', from: '2026-01-10', to: '2026-01-14', compare: 'previous' }, '--format', 'text');
  assert.match(text, /Appeared: C → B \(1\)\.\nVanished: (A → B|B → A) \(1\); (A → B|B → A) \(1\)\./);
});

test('the cases that repeat', () => {
  const cases = (cell) => ask('list_actors', { source: undefined, of: 'rework_report', arguments: { source: 'log' }, cell })
    .actors.map((a) => [a.actor, a.entered_at, a.last_step_at]);
  assert.deepEqual(cases({ activity: 'B' }), [['c2', '2026-01-06T12:00:00Z', '2026-01-08T00:00:00Z'], ['c4', '2026-01-13T00:00:00Z', '2026-01-16T00:00:00Z']]);
  assert.deepEqual(cases({ from: 'A', to: 'B' }), [['c2', '2026-01-06T12:00:00Z', '2026-01-08T00:00:00Z']]);
  assert.deepEqual(cases({ from: 'A', to: 'A' }), [['c3', '2026-01-10T00:00:00Z', '2026-01-11T00:00:00Z']]);
});

test('durations, intervals without cases, and the time that is allowed', () => {
  const result = ask('throughput', { sla_s: 1.5 * DAY });
  // 1, 1, 2, 2, 4 and 4 days. The last events of c5 and c6 are less than 2 days before the end.
  assert.deepEqual([result.duration.p50_s, result.duration.min_s, result.duration.max_s, result.in_progress, result.breaches], [2 * DAY, DAY, 4 * DAY, 2, 4]);
  near(result.duration.mean_s, 14 / 6 * DAY);
  near(result.duration.p90_s, 4 * DAY);
  assert.deepEqual(result.started, [{ time: '2026-01-01', cases: 4 }, { time: '2026-02-01', cases: 0 }, { time: '2026-03-01', cases: 2 }]);
  assert.deepEqual(result.finished.map((f) => f.cases), [4, 0, 0]);
  assert.ok(result.meta.warnings.some((w) => /^1 case in progress is older than sla_s/.test(w)), result.meta.warnings); // c5
});

test('survival: 6, 5 and 2 cases at risk, of which 1, 2 and 1 end', () => {
  const { survival } = ask('throughput', {});
  assert.deepEqual(survival.map((p) => p.s), [DAY, 2 * DAY, 4 * DAY]);
  for (const [i, share] of [5 / 6, 5 / 6 * 3 / 5, 5 / 6 * 3 / 5 / 2].entries()) near(survival[i].share, share);
});

test('the cases that take too long, and those in progress', () => {
  const cases = (cell) => ask('list_actors', { source: undefined, of: 'throughput', arguments: { source: 'log', sla_s: 1.5 * DAY }, cell }).actors.map((a) => a.actor);
  assert.deepEqual(cases({ breach: true }), ['c2', 'c3', 'c4', 'c6']);
  assert.deepEqual(cases({ in_progress: true }), ['c5', 'c6']);
});

test('savings in a log of many cases', () => {
  const start = Date.UTC(2026, 0, 1), taken = [], lines = ['time,event,ticket'];
  for (let i = 1; i <= 51000; i++) {
    taken.push(100 + (i * 7919) % 1000);
    lines.push(`${new Date(start + i * 1000).toISOString()},A,t${String(i).padStart(6, '0')}`,
      `${new Date(start + (i + taken.at(-1)) * 1000).toISOString()},B,t${String(i).padStart(6, '0')}`);
  }
  store.import([store.file('many.csv', `${lines.join('\n')}\n`), '--source', 'many', '--case', 'ticket']);
  const { edges: [edge] } = ask('bottlenecks', { source: 'many' });
  taken.sort((a, b) => a - b);
  const median = (taken[taken.length / 2 - 1] + taken[taken.length / 2]) / 2;
  const p95 = 0.95 * (taken.length - 1), below = taken[Math.floor(p95)];
  near(edge.median_s, median);
  near(edge.p95_s, below + (p95 % 1) * (taken[Math.ceil(p95)] - below));
  assert.equal(edge.saving_if_median_s, taken.reduce((sum, s) => sum + Math.max(0, s - median), 0));
});
