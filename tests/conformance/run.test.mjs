// The official conformance suite, every revision that it has, against the fixture server; and what
// of it makes sense for the product against `sextant serve`.
//   SEXTANT_FIXTURE_SERVER=build/tests/conformance/fixture-server SEXTANT_BIN=build/sextant \
//     node --test tests/conformance/run.test.mjs
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Store, engineProblem } from '../clients/store.mjs';
import { Modern } from './modern.mjs';
import { product } from './product.mjs';
import { GOOD, LEFT_OUT, faults, requirements, runAgain, runSuite, scenarios, startFixture } from './suite.mjs';

// The suite has nothing but a note that it is to be written; see the last test of the fixture server.
const UNWRITTEN = { 'tasks-status-notifications': { 'tasks-status-notifications': 'the suite leaves it out' } };
const LEAST = { '2025-11-25': [30, 3], '2026-07-28': [37, 13] }; // scored, reported

const count = (results) => [...results.values()].flat().filter((check) => check.status === GOOD).length;

// Runs the suite, what is faulty again.
async function runAll(t, url, revision, args, expected = {}) {
  const results = await runSuite(url, args);
  const isFaulty = (name) => expected[name] !== null && faults(results.get(name), expected[name]).length > 0;
  const repeated = await runAgain(url, revision, results, isFaulty);
  if (repeated.length > 0) t.diagnostic(`run again: ${repeated.join(', ')}`);
  return results;
}

// Every scenario of the list passes. Says which ones the suite itself left out.
function expectAll(t, results, list, what, expected = {}) {
  const wrong = list.flatMap((name) => faults(results.get(name), expected[name]).map((fault) => [name, fault]));
  const left = list.filter((name) => results.get(name)?.every((check) => check.status === LEFT_OUT));
  const failed = new Set(wrong.map(([name]) => name)).size;
  t.diagnostic(`${what}: ${list.length - failed - left.length} of ${list.length} pass`
    + (left.length > 0 ? `, left out by the suite: ${left.join(', ')}` : ''));
  assert.deepEqual(wrong, []);
}

describe('the fixture server', () => {
  let fixture;
  before(async () => { fixture = await startFixture(); });
  after(() => fixture?.stop());

  for (const [revision, [scored, reported]] of Object.entries(LEAST))
    test(`what ${revision} requires`, async (t) => {
      const wanted = requirements(revision);
      assert.equal(wanted.scored.length, scored);
      assert.equal(wanted.reported.length, reported);
      const results = await runAll(t, fixture.url, revision, ['--requirements', revision], UNWRITTEN);
      expectAll(t, results, wanted.scored, `${revision}, scored`);
      expectAll(t, results, wanted.reported, `${revision}, reported`, UNWRITTEN);
      t.diagnostic(`${revision}: ${count(results)} checks`);
    });

  for (const revision of ['2025-03-26', '2025-06-18'])
    test(`what there is for ${revision}`, async (t) => {
      const args = ['--spec-version', revision];
      const list = await scenarios(...args);
      assert.ok(list.length > 0);
      const results = await runAll(t, fixture.url, revision, ['--suite', 'all', ...args]);
      expectAll(t, results, list, revision);
      t.diagnostic(`${revision}: ${count(results)} checks`);
    });

  test('tasks-status-notifications, which the suite leaves out', async () => {
    const modern = new Modern(fixture.url, { elicitation: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } });
    const { taskId } = await modern.ask('tools/call', 'confirm_delete', { name: 'confirm_delete', arguments: { filename: 'x' } });
    const stream = await modern.listen({ taskIds: [taskId] });
    const acknowledged = await stream.next();
    assert.equal(acknowledged.method, 'notifications/subscriptions/acknowledged');
    assert.deepEqual(acknowledged.params.notifications, { taskIds: [taskId] });
    const { inputRequests } = await modern.ask('tasks/get', taskId, { taskId });
    const [key] = Object.keys(inputRequests);
    const inputResponses = { [key]: { action: 'accept', content: { confirm: true } } };
    await modern.ask('tasks/update', taskId, { taskId, inputResponses });
    for (let status = ''; status !== 'completed';) {
      const { method, params } = await stream.next();
      assert.equal(method, 'notifications/tasks');
      assert.equal(params.taskId, taskId);
      assert.equal(params._meta['io.modelcontextprotocol/subscriptionId'], stream.id);
      assert.match(params.status, /^(input_required|working|completed)$/);
      status = params.status;
    }
    stream.close();
  });
});

describe('sextant serve', { skip: engineProblem() || false }, () => {
  let store, server;
  before(async () => {
    store = new Store();
    server = await store.serve('--sessions');
  });
  after(async () => {
    await server?.stop();
    store?.remove();
  });

  test('every scenario of the suite is in the table', async () => {
    assert.deepEqual((await scenarios()).filter((name) => !product[name]), []);
  });

  for (const revision of ['2025-11-25', '2026-07-28'])
    test(`what ${revision} has for it`, async (t) => {
      const all = await scenarios('--spec-version', revision);
      const list = all.filter((name) => product[name].runs);
      // null = whatever comes
      const expected = Object.fromEntries(Object.entries(product).map(([name, { runs, not }]) => [name, runs ? not : null]));
      const results = await runAll(t, server.url, revision, ['--requirements', revision], expected);
      expectAll(t, results, list, revision, expected);
      for (const name of all.filter((other) => !product[other].runs))
        t.diagnostic(`not run: ${name}: ${product[name].why}`);
    });
});
