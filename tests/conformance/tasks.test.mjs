// Tasks as a program meets them: the official client helper against the fixture server, which is
// asked to finish, fail, break, ask and be cancelled.
//   SEXTANT_FIXTURE_SERVER=build/tests/conformance/fixture-server node --test tests/conformance/tasks.test.mjs
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { createTaskSessionFromClient, resultFromTaskOutcome } from '@modelcontextprotocol/ext-tasks/client';

import { Modern } from './modern.mjs';
import { startFixture } from './suite.mjs';

const VERSION = '2026-07-28';
const ABOUT = { name: 'sextant-tests', version: '1.0.0' };
const ANSWER = { name: 'Ada', confirm: true };

// What each tool ends with; `asked` questions in between.
const calls = [
  { tool: 'greet', args: { name: 'World' }, kind: 'immediate', says: /^Hello, World!$/ },
  { tool: 'slow_compute', args: { seconds: 0.3, label: 'x' }, kind: 'task', says: /^Computed x/ },
  { tool: 'slow_compute', args: { seconds: 0, label: 'y' }, says: /^Computed y/ },
  { tool: 'failing_job', args: {}, kind: 'task', says: /always fails/, isError: true },
  { tool: 'confirm_delete', args: { filename: 'a.txt' }, kind: 'task', asked: 1, says: /^a.txt: accept$/ },
  { tool: 'multi_input', args: {}, kind: 'task', asked: 2, says: /^Ada: accept$/ },
  { tool: 'test_tool_with_task', args: {}, kind: 'task', asked: 1, says: /^Hello, Ada!$/ },
];

describe('the task helper', () => {
  let fixture, client, session, asked = [];
  before(async () => {
    fixture = await startFixture();
    client = new Client(ABOUT, { capabilities: { elicitation: {} }, versionNegotiation: { mode: { pin: VERSION } } });
    await client.connect(new StreamableHTTPClientTransport(new URL(fixture.url)));
    const modern = new Modern(fixture.url);
    session = createTaskSessionFromClient(client, {
      endpointId: 'fixture',
      rawDispatch: (request) => modern.dispatch(request),
      v2RequestFraming: { protocolVersion: VERSION, clientInfo: ABOUT, clientCapabilities: { elicitation: {} } },
      onInputRequest: ({ kind, params }) => {
        asked.push(kind);
        const names = Object.keys(params.requestedSchema.properties);
        return { action: 'accept', content: Object.fromEntries(names.map((name) => [name, ANSWER[name]])) };
      },
    });
  });
  after(async () => {
    await session?.close();
    await client?.close();
    await fixture?.stop();
  });

  for (const { tool, args, kind, asked: questions = 0, says, isError = false } of calls)
    test(`${tool} ${JSON.stringify(args)}`, async () => {
      asked = [];
      const execution = await session.callTool(tool, args);
      if (kind) assert.equal(execution.kind, kind);
      const { outcome } = await execution.settle();
      const result = resultFromTaskOutcome(outcome);
      assert.match(result.content[0].text, says);
      assert.equal(result.isError ?? false, isError);
      assert.deepEqual(asked, Array(questions).fill('elicitation'));
    });

  test('protocol_error_job fails with the error of the protocol', async () => {
    const { outcome } = await (await session.callTool('protocol_error_job', {})).settle();
    assert.equal(outcome.status, 'failed');
    assert.equal(outcome.error.code, -32603);
    assert.match(outcome.error.message, /breaks the protocol/);
  });

  test('a task that is cancelled', async () => {
    const execution = await session.callTool('slow_compute', { seconds: 3000, label: 'z' });
    await execution.cancel();
    const { outcome } = await execution.settle();
    assert.equal(outcome.status, 'cancelled');
  });
});
