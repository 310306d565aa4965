// What the suite tries by hand, with the client libraries that people use: they are asked, they
// hear of changes, they lose their connection and come back. Against the fixture server.
//   SEXTANT_FIXTURE_SERVER=build/tests/conformance/fixture-server node --test tests/conformance/clients.test.mjs
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ElicitationRequestSchema, createMCPClient } from '@ai-sdk/mcp';
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema, LoggingMessageNotificationSchema,
  PromptListChangedNotificationSchema, ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

import { startFixture } from './suite.mjs';

const ABOUT = { name: 'sextant-tests', version: '1.0.0' };
const CAPABILITIES = { elicitation: {}, sampling: {}, roots: {} };
const REMOTE = join(dirname(fileURLToPath(import.meta.resolve('mcp-remote/package.json'))), 'dist', 'proxy.js');

// What the user, the model and the disk say.
const answers = {
  'elicitation/create': ({ params }) => {
    const given = { name: 'Ada', color: 'green', context: 'tests', username: 'ada', email: 'ada@example.com' };
    const names = Object.keys(params.requestedSchema.properties);
    return { action: 'accept', content: Object.fromEntries(names.map((name) => [name, given[name]])) };
  },
  'sampling/createMessage': () => ({ role: 'assistant', model: 'm', content: { type: 'text', text: 'Good morning' } }),
  'roots/list': () => ({ roots: [{ uri: 'file:///home/ada', name: 'home' }] }),
};
const SCHEMAS = {
  'elicitation/create': ElicitRequestSchema, 'sampling/createMessage': CreateMessageRequestSchema,
  'roots/list': ListRootsRequestSchema,
};

async function open1(transport) {
  const client = new Client1(ABOUT, { capabilities: CAPABILITIES });
  for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(SCHEMAS[method], answer);
  await client.connect(transport);
  return client;
}

async function open2(url, mode) {
  const client = new Client2(ABOUT, { capabilities: CAPABILITIES, ...(mode ? { versionNegotiation: { mode } } : {}) });
  for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(method, answer);
  await client.connect(new Http2(new URL(url)));
  return client;
}

const remote = (url, folder, ...flags) => open1(new Stdio1({
  command: process.execPath, stderr: 'inherit', env: { PATH: process.env.PATH, HOME: folder },
  args: [REMOTE, url, '--allow-http', '--transport', 'http-only', '--silent', ...flags],
}));

const clients = {
  '@modelcontextprotocol/sdk': (url) => open1(new Http1(new URL(url))),
  '@modelcontextprotocol/client': (url) => open2(url),
  '@modelcontextprotocol/client, auto': (url) => open2(url, 'auto'),
  'mcp-remote': (url, folder) => remote(url, folder),
  'mcp-remote, auto': (url, folder) => remote(url, folder, '--protocol', 'auto'),
};

// Tools that ask, and what they say when they have been answered.
const asking = [
  ['test_elicitation', { message: 'Who are you?' }, /action=accept.*"ada@example.com"/],
  ['test_sampling', { prompt: 'Say hello' }, /^LLM response: Good morning$/],
  ['test_input_required_result_list_roots', {}, /file:\/\/\/home\/ada/],
  ['test_input_required_result_multiple_inputs', {}, /^Good morning Ada, at .*home/],
  ['test_input_required_result_multi_round', {}, /^Ada likes green\.$/],
];

describe('real clients', () => {
  let fixture, folder;
  before(async () => {
    fixture = await startFixture();
    folder = mkdtempSync(join(tmpdir(), 'sextant-conformance-'));
  });
  after(async () => {
    await fixture?.stop();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  for (const [name, open] of Object.entries(clients))
    test(`${name} is asked`, async (t) => {
      const client = await open(fixture.url, folder);
      t.after(() => client.close());
      for (const [tool, args, says] of asking) {
        const { content, isError } = await client.callTool({ name: tool, arguments: args });
        assert.ok(!isError, `${tool}: ${content[0].text}`);
        assert.match(content[0].text, says);
      }
      const { messages } = await client.getPrompt({ name: 'test_input_required_result_prompt' });
      assert.equal(messages[0].content.text, 'In the context of tests.');
    });

  test('a legacy client without the capability is told what it lacks', async (t) => {
    const client = new Client1(ABOUT, { capabilities: {} });
    await client.connect(new Http1(new URL(fixture.url)));
    t.after(() => client.close());
    const outcome = await client.callTool({ name: 'test_elicitation', arguments: { message: 'x' } })
      .then((result) => result.content[0].text, (error) => error.message);
    assert.match(outcome, /elicitation/);
  });

  test('@ai-sdk/mcp is asked what it can answer', async (t) => {
    const client = await createMCPClient({ transport: { type: 'http', url: fixture.url }, capabilities: { elicitation: {} } });
    t.after(() => client.close());
    client.onElicitationRequest(ElicitationRequestSchema, answers['elicitation/create']);
    const { content } = await client.callTool({ name: 'test_input_required_result_multi_round', arguments: {} });
    assert.equal(content[0].text, 'Ada likes green.');
  });

  test('a modern client listens to what it wants to hear', async (t) => {
    const client = await open2(fixture.url, 'auto');
    t.after(() => client.close());
    const heard = [];
    let tell;
    const changed = new Promise((resolve) => { tell = resolve; });
    for (const what of ['tools', 'prompts'])
      client.setNotificationHandler(`notifications/${what}/list_changed`, ({ method }) => { heard.push(method); tell(); });
    const subscription = await client.listen({ promptsListChanged: true });
    await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
    await client.callTool({ name: 'test_trigger_prompt_change', arguments: {} });
    await changed;
    assert.deepEqual(heard, ['notifications/prompts/list_changed']);
    await subscription.close();
  });

  test('a legacy client hears of changes on its own stream, and of what is logged', async (t) => {
    const client = new Client1(ABOUT, { capabilities: {} });
    const heard = new Set();
    for (const schema of [ToolListChangedNotificationSchema, PromptListChangedNotificationSchema])
      client.setNotificationHandler(schema, ({ method }) => { heard.add(method); });
    const logged = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => { logged.push(params.data); });
    await client.connect(new Http1(new URL(fixture.url)));
    t.after(() => client.close());
    await client.setLoggingLevel('info');
    await client.callTool({ name: 'test_tool_with_logging', arguments: {} });
    assert.deepEqual(logged, ['Tool execution started', 'Tool processing data', 'Tool execution completed']);
    await client.setLoggingLevel('error');
    await client.callTool({ name: 'test_tool_with_logging', arguments: {} });
    assert.equal(logged.length, 3);
    // Its stream is opened in the background: until it is, there is no one to tell.
    while (heard.size < 2) {
      await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
      await client.callTool({ name: 'test_trigger_prompt_change', arguments: {} });
    }
  });

  test('a legacy client loses its connection and gets its answer all the same', async (t) => {
    const client = await open1(new Http1(new URL(fixture.url)));
    t.after(() => client.close());
    const { content } = await client.callTool({ name: 'test_reconnection', arguments: {} });
    assert.equal(content[0].text, 'The connection was closed and resumed.');
  });

  test('a session that was ended is gone', async () => {
    const transport = new Http1(new URL(fixture.url));
    const client = await open1(transport);
    const session = transport.sessionId;
    assert.match(session, /^[\x21-\x7e]{20,}$/);
    await transport.terminateSession();
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
    const response = await fetch(fixture.url, {
      method: 'POST', headers: { ...headers, 'Mcp-Session-Id': session },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
    });
    assert.equal(response.status, 404);
    await client.close();
  });
});
