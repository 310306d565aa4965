// Real MCP clients against the built program: each lists the tools and calls them, lists and reads
// resources and prompts, over both transports where it can; everything that came back is checked by
// validators that are not ours.
//   SEXTANT_BIN=build/sextant node --test tests/clients/clients.test.mjs
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import Ajv2020 from 'ajv/dist/2020.js';

import { checkRecordings } from '../wire/emitted_check.mjs';
import { LEGACY, clients } from './matrix.mjs';
import { Store, engineProblem } from './store.mjs';
import { closed, tools } from './tools.mjs';

const problem = engineProblem();
const SOURCES = 'sextant://sources';
const TEMPLATES = ['sextant://schema/{source}', 'sextant://events/{source}', 'sextant://session/{id}', 'sextant://guide/{topic}'];
const AT_ONCE = 10; // tools, each asked twice
const PROMPTS = ['investigate_drop', 'why_did_it_change', 'review_sessions', 'audit_process', 'weekly_report'];

// What every success must be: structured content as declared, and a text that stands alone.
function expectSuccess(validators, name, result) {
  assert.ok(!result.isError, `${name}: ${result.content?.[0]?.text}`);
  const validate = validators.get(name);
  assert.ok(validate(result.structuredContent), `${name}: ${JSON.stringify(validate.errors)}`);
  const [text, ...links] = result.content;
  assert.equal(text.type, 'text');
  // Older revisions have no links: they are told in a text.
  for (const link of links) assert.match(link.uri ?? link.text, /sextant:\/\/log\/(csv|xes)\//);
  assert.ok(result.content[0].text.length > 10, `${name}: no text`);
  return result.structuredContent;
}

function expectToolError(name, result, { field, says }) {
  assert.equal(result.isError, true, `${name} accepted it`);
  assert.equal(result.structuredContent, undefined);
  const [{ text }] = result.content;
  assert.match(text, says);
  assert.ok(text.startsWith(`${field}: `), `${name}: "${text}" does not begin with ${field}`);
}

describe('clients', { skip: problem || false }, () => {
  let store, server, recordings;
  before(() => {
    store = new Store();
    recordings = join(store.folder, 'wire');
  });
  after(() => store?.remove());

  async function drive(client, transport, where) {
    const folder = join(recordings, transport, client.name.replaceAll(/[^a-z0-9]+/gi, '-'));
    const ends = await client[transport](where, folder, store);
    try {
      if (client.isBrief) await exerciseBriefly(client, ends);
      else await exerciseEveryTool(client, ends);
      await exercisePrimitives(ends);
    } finally {
      await ends.close();
    }
    const said = await recorded(folder, transport === 'stdio');
    const spoken = new Set([...said.matchAll(/rotocolVersion\\":\\"([0-9-]+)/g)].map((found) => found[1]));
    assert.deepEqual([...spoken], [client.speaks]);
  }

  // What was said, when the servers are gone: some clients do not wait for the end of theirs.
  async function recorded(folder, hasEnd) {
    for (const end = Date.now() + 30000; ; await sleep(20)) {
      const names = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));
      const parts = names.map((name) => readFileSync(join(folder, name), 'utf8'));
      if (!hasEnd || parts.every((part) => part.includes('{"from":"end"'))) return parts.join('');
      assert.ok(Date.now() < end, 'the server outlived its client');
    }
  }

  // Lists the tools; returns a validator for each.
  async function listTools(ends) {
    const listed = await ends.list();
    assert.deepEqual(listed.map((tool) => tool.name).sort(), Object.keys(tools).sort(),
      'tools.mjs must have every tool, and no other');
    if (ends.instructions) assert.match(ends.instructions() ?? '', /list_sources/);
    const ajv = new Ajv2020({ strict: true });
    return new Map(listed.map((tool) => [tool.name, ajv.compile(closed(tool.outputSchema))]));
  }

  async function exerciseEveryTool(client, ends) {
    const validators = await listTools(ends);
    for (const [name, { good, bad }] of Object.entries(tools)) {
      for (const { args, check, says } of good) {
        const answer = await ends.call(name, args);
        const structured = expectSuccess(validators, name, answer), [{ text }] = answer.content;
        check?.(structured, store);
        if (says) assert.match(text, says, name);
        if (args.from) assert.match(text.split('\n')[0], /Period: 20\d\d-/);
      }
      expectToolError(name, await ends.call(name, bad[0].args), bad[0]);
    }

    // Several at once: each gets its own answer. Not all of them, for then some would be told that the server is busy.
    const names = Object.keys(tools);
    for (let first = 0; first < names.length; first += AT_ONCE) {
      const some = names.slice(first, first + AT_ONCE), twice = [...some, ...some];
      const answers = await Promise.all(twice.map((name) => ends.call(name, tools[name].good[0].args)));
      answers.forEach((answer, i) => tools[twice[i]].good[0].check(expectSuccess(validators, twice[i], answer), store));
    }

    // A call that is given up: rejected here, forgotten there, and the next one is answered. One that
    // is answered before tells nothing: then another is.
    for (let i = 0, isGiven = false; !isGiven; i += 1) {
      assert.ok(i < 20, 'no call could be given up');
      const given = new AbortController();
      const lost = ends.call('run_funnel', tools.run_funnel.good[1].args, { signal: given.signal });
      const rejected = lost.then(() => false, () => true);
      await sleep(5);
      given.abort(new Error('changed my mind'));
      isGiven = await rejected;
    }
    expectSuccess(validators, 'list_sources', await ends.call('list_sources', {}));
    await exerciseMore(client, ends, validators);
  }

  async function exerciseBriefly(client, ends) {
    const validators = await listTools(ends);
    const { good: [{ args, check }], bad: [wrong] } = tools.run_funnel;
    check(expectSuccess(validators, 'run_funnel', await ends.call('run_funnel', args)), store);
    expectToolError('run_funnel', await ends.call('run_funnel', wrong.args), wrong);
    await exerciseMore(client, ends, validators);
  }

  // What only some clients can do.
  async function exerciseMore(client, ends, validators) {
    if (client.hasProgress) {
      const seen = [];
      const { good: [first] } = tools.run_funnel;
      const result = await ends.call('run_funnel', first.args, { onprogress: (p) => seen.push(p.progress) });
      first.check(expectSuccess(validators, 'run_funnel', result), store);
      assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b), 'progress must rise');
    }
    if (ends.functions) {
      const call = await ends.functions();
      const { good: [{ args, check }] } = tools.list_events;
      check(expectSuccess(validators, 'list_events', await call('list_events', args)), store);
    }
  }

  async function exercisePrimitives(ends) {
    const resources = await ends.resources();
    assert.ok(resources.some(({ uri }) => uri === SOURCES), JSON.stringify(resources));
    // A client that is a process per question is content with one.
    for (const { uri, mimeType } of ends.templates ? resources : [{ uri: SOURCES, mimeType: 'application/json' }]) {
      const [content, ...more] = await ends.read(uri);
      assert.equal(content.uri, uri);
      assert.equal(content.mimeType, mimeType, uri);
      assert.ok(content.text.length > 10, uri);
      assert.equal(more.length, 0);
      if (uri === SOURCES) assert.equal(JSON.parse(content.text).sources[0].name, 'shop');
    }
    if (ends.templates) {
      const templates = await ends.templates();
      assert.deepEqual(TEMPLATES.filter((uri) => !templates.some((one) => one.uriTemplate === uri)), []);
      const [{ text }] = await ends.read('sextant://session/s1');
      assert.equal(JSON.parse(text).summary.session, 's1');
    }
    if (ends.complete) {
      const completed = await ends.complete({ type: 'ref/resource', uri: TEMPLATES[0] }, { name: 'source', value: 'sh' });
      assert.deepEqual(completed.values, ['shop']);
    }
    const prompts = await ends.prompts();
    assert.deepEqual(PROMPTS.filter((name) => !prompts.some((prompt) => prompt.name === name)), []);
    const [{ role, content }] = await ends.prompt('weekly_report', { source: 'shop' });
    assert.equal(role, 'user');
    assert.match(content.text, /\bshop\b/);
  }

  // All clients of one HTTP server; those of the revisions with sessions with a server that has them
  // too; then each client with a server of its own.
  const overHttp = (name, some, ...flags) => describe(name, () => {
    before(async () => { server = await store.serve('--toolsets', 'all', ...flags); });
    after(() => server.stop());
    for (const client of some)
      test(client.name, () => drive(client, 'http', server.url));
  });
  overHttp('over HTTP', clients);
  const keepSessions = clients.filter(({ speaks, isBrief, isProcess }) => speaks === LEGACY && isBrief && !isProcess);
  overHttp('over HTTP with sessions', keepSessions, '--sessions');

  describe('over stdio', () => {
    for (const client of clients.filter(({ stdio }) => stdio))
      test(client.name, () => drive(client, 'stdio', store));
  });

  test('every message that the server sent is valid in its revision', (t) => {
    const { status, text, count } = checkRecordings(recordings);
    if (status === 77) return t.skip(text);
    t.diagnostic(text.trim().split('\n').at(-1));
    assert.equal(status, 0, text);
    assert.ok(count > clients.length * 2 * 30);
  });
});
