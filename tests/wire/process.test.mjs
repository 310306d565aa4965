// What the process tools say of logs at the edges: two periods that are alike, one case, cases of one
// event, events of one moment, resources that are not there, more edges than are told.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Store } from './import_tools.mjs';

const store = new Store();
after(() => store.remove());

const load = (name, rows, ...more) => store.import([store.file(`${name}.csv`, `time,event,ticket\n${rows.join('\n')}\n`),
  '--source', name, '--case', 'ticket', ...more]);
const ask = (tool, args) => JSON.parse(store.call(tool, args));
const tell = (tool, args) => store.call(tool, args, '--format', 'text');

const WEEK = { from: '2026-01-12', to: '2026-01-18', compare: 'previous' };
// Of each week A B A, and C.
const week = (from, id) => [['A', 0], ['B', 1], ['A', 2]].map(([name, day]) => `2026-01-${String(from + day).padStart(2, '0')}T00:00:00Z,${name},${id}`)
  .concat(`2026-01-${String(from).padStart(2, '0')}T00:00:00Z,C,${id}c`);
load('alike', [...week(5, 'first'), ...week(12, 'second')]);

test('two periods that are alike', () => {
  const list = /\nAgainst the period before nothing in this list appeared or vanished, and nothing slowed by more than a tenth\.\n/;
  assert.match(tell('process_map', { source: 'alike', ...WEEK }), list);
  assert.match(tell('bottlenecks', { source: 'alike', min_count: 1, ...WEEK }), list);
  assert.match(tell('process_variants', { source: 'alike', ...WEEK }),
    /now 2 variants\.\nAgainst the period before no variant appeared or vanished, and none slowed by more than a tenth\.\n/);
  assert.match(tell('rework_report', { source: 'alike', ...WEEK }),
    /\nPeriod before: 1 repeat; now 1\.\nAgainst the period before no loop appeared or vanished\.\n/);
});

test('one case is told of in the singular', () => {
  const one = (value) => ({ source: 'alike', filters: [{ field: 'case', op: 'eq', value }] });
  assert.match(tell('process_variants', one('first')), /^100\.0 % of 1 case \(3 events\) goes A → B → A, /);
  assert.match(tell('rework_report', one('first')), /^100\.0 % of 1 case repeats an activity: 1 repeat, which takes 1 d 0 h, 50\.0 % of /);
  assert.match(tell('rework_report', one('firstc')), /^No activity is repeated in 1 case\./);
  assert.match(tell('throughput', one('first')), /^1 case, which takes 2 d 0 h\./);
  assert.match(tell('list_actors', { of: 'process_map', arguments: { source: 'alike' }, cell: { activity: 'C' } }), /^2 cases in this cell\..*\n\n\| case \|/);
});

test('why there is nothing is said once', () => {
  const text = tell('process_map', { source: 'alike', filters: [{ field: 'case', op: 'eq', value: 'none' }] });
  assert.equal(text.match(/no case has an event that passes the filters/g).length, 1);
  const result = ask('process_map', { source: 'alike', filters: [{ field: 'case', op: 'eq', value: 'none' }] });
  assert.ok(result.meta.warnings.includes('no case has an event that passes the filters'));
});

test('where most time passes is told of all edges, not of those that are listed', () => {
  const all = tell('process_map', { source: 'alike' });
  assert.match(all, /^Most time passes between A → B: 50\.0 % of all, /);
  assert.match(tell('process_map', { source: 'alike', min_share: 0.9 }),
    /^Most time passes between A → B: 50\.0 % of all, .* No edge is in 90\.0 % of the cases, as min_share asks\. 4 cases, 3 activities, 0 edges\./);
});

test('a cell of what is not called so says it, and what there is', () => {
  const cases = (of, cell) => tell('list_actors', { of, arguments: { source: 'alike' }, cell });
  assert.match(cases('process_map', { from: 'A', to: 'refund' }), /^Nothing is in this cell: no event in this period is called 'refund'\. There are: /);
  assert.match(cases('process_map', { activity: 'a' }), /is called 'a'; did you mean 'A'\? There are: .*\n\nNote: cell\.activity: /);
  assert.match(cases('process_variants', { activities: ['A', 'refund'] }), /Note: cell\.activities\[1\]: no event in this period is called 'refund'/);
  assert.match(cases('process_map', { from: 'C', to: 'A' }), /^0 cases in this cell\./);
});

test('the cell of a handover names resources', () => {
  assert.throws(() => ask('list_actors', { of: 'handover_network', arguments: { source: 'alike' }, cell: { from: 'x' } }), /cell\.to.*expected the name of a resource/);
});

test('events of one moment take no time, nobody hands over what nobody did', () => {
  load('moments', ['x', 'y', 'z'].flatMap((id) => ['A', 'B'].map((name) => `1965-05-05T00:00:00Z,${name},${id}`)));
  assert.match(tell('throughput', { source: 'moments' }), /^Nearly all of 3 cases begin and end at one moment\./);
  assert.deepEqual(ask('process_map', { source: 'moments' }).edges.map((e) => [e.from, e.to, e.count, e.total_s]), [['A', 'B', 3, 0]]);
  assert.match(tell('handover_network', { source: 'moments' }), /^No event names who did it, so nothing is handed over; import --resource says which column does\. 0 resources\./);
  assert.match(tell('operator_report', { source: 'moments' }), /\| activity \| events a day \| mean \| rework \| score \(s a day\) \|/);
});

test('the complete intervals are named', () => {
  const rows = Array.from({ length: 40 }, (_, i) => new Date(Date.UTC(2026, 0, 1 + i)).toISOString())
    .flatMap((at, i) => [`${at},A,c${i}`, `${at.replace('T00', 'T12')},B,c${i}`]);
  load('daily', rows);
  assert.match(tell('throughput', { source: 'daily', interval: 'day' }),
    /In the last 3 complete days \(2026-02-06 to 2026-02-08\) as many finish as begin: 3 began, 3 finished\./);
});

// 40 days have 959 hours from the first to the last event. Of the cases that began before those that
// are told, none is open.
test('the last of many intervals are told, of both lists', () => {
  const { started, finished, meta } = ask('throughput', { source: 'daily', interval: 'hour' });
  assert.deepEqual([started.length, finished.length, started.at(-1).time], [800, 800, '2026-02-09T12:00:00Z']);
  assert.deepEqual([meta.truncated.reason], ['intervals']);
  assert.match(tell('throughput', { source: 'daily', interval: 'hour' }), /\| 2026-02-08T12:00:00Z \| 0 \| 1 \| 0 \|\n|\| 2026-02-09T12:00:00Z \| 0 \| [01] \| [01] \|\n/);
});

test('a case of one event has no duration to tell', () => {
  assert.match(tell('case_timeline', { source: 'alike', case_id: 'firstc' }), /^firstc has 1 event \(2026-01-05T00:00:00Z\)\.\n/);
  assert.match(tell('case_timeline', { source: 'alike', case_id: 'first' }), /^first took 2 d 0 h \(3 events, 2026-01-05T00:00:00Z to 2026-01-07T00:00:00Z\)\./);
});

test('more resources than are told leave room for activities', () => {
  const rows = Array.from({ length: 20100 }, (_, i) => `2026-01-05T00:00:0${i % 2}Z,${'AB'[i % 2]},c${i >> 1},who${i}`);
  store.import([store.file('crowd.csv', `time,event,ticket,who\n${rows.join('\n')}\n`), '--source', 'crowd', '--case', 'ticket', '--resource', 'who']);
  const { operators, automation } = ask('operator_report', { source: 'crowd' });
  assert.equal(operators.length, 1000);
  assert.deepEqual(automation.map((a) => [a.activity, a.mean_s]), [['B', 1], ['A', undefined]]);
});

// 150 activities, each after each: 22,500 edges, of which 20,000 are told.
test('what is not told is not taken for nothing', () => {
  const name = (i) => `A${String(i).padStart(3, '0')}`;
  const rows = Array.from({ length: 150 * 150 }, (_, i) =>
    [`2026-01-05T00:00:00Z,${name(Math.floor(i / 150))},b${i}`, `2026-01-05T00:00:01Z,${name(i % 150)},b${i}`]).flat();
  load('wide', [...rows, '2026-01-12T00:00:00Z,A149,now', '2026-01-12T00:00:05Z,A149,now', '2026-01-12T00:00:00Z,A000,also', '2026-01-12T00:00:05Z,A000,also']);
  const edges = ask('process_map', { source: 'wide', ...WEEK }).edges;
  assert.deepEqual(edges.map((e) => [e.from, e.previous]), [['A000', 1], ['A149', undefined]]);
  assert.doesNotMatch(tell('process_map', { source: 'wide', ...WEEK }), /Appeared|Vanished/);
});
