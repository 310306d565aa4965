// The clients that people have, behind one small interface: {list(), call(name, args, {signal,
// onprogress}), resources(), templates(), read(uri), complete(ref, argument), prompts(), prompt(name,
// args), instructions(), close()}; what a client has no word for is missing. Everything they say and hear is recorded.
import { fileURLToPath } from 'node:url';

import { createMCPClient } from '@ai-sdk/mcp';
import { Experimental_StdioMCPTransport as AiStdio } from '@ai-sdk/mcp/mcp-stdio';
import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1, getDefaultEnvironment } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';

import { inspector } from './inspector.mjs';
import { recordedCommand, recordingFetch, recordingProxy, stdioParameters } from './recording.mjs';
import { MODERN } from './store.mjs';

export const LEGACY = '2025-11-25';
const ABOUT = { name: 'sextant-tests', version: '1.0.0' };

// --- the official libraries ---------------------------------------------------------------------

const sdkEnds = (client) => ({
  list: async () => (await client.listTools()).tools,
  call: (name, args, more) => (client instanceof Client1
    ? client.callTool({ name, arguments: args }, undefined, more)
    : client.callTool({ name, arguments: args }, more)),
  resources: async () => (await client.listResources()).resources,
  templates: async () => (await client.listResourceTemplates()).resourceTemplates,
  read: async (uri) => (await client.readResource({ uri })).contents,
  complete: async (ref, argument) => (await client.complete({ ref, argument })).completion,
  prompts: async () => (await client.listPrompts()).prompts,
  prompt: async (name, args) => (await client.getPrompt({ name, arguments: args })).messages,
  instructions: () => client.getInstructions(),
  close: () => client.close(),
});

async function openSdk(Client, transport, options) {
  const client = new Client(ABOUT, { capabilities: {}, ...options });
  await client.connect(transport);
  return sdkEnds(client);
}

const sdk2 = (negotiation) => ({
  stdio: (store, folder) => openSdk(Client2, new Stdio2(stdioParameters(store, folder)), negotiation),
  http: (url, folder) => openSdk(Client2, new Http2(new URL(url), { fetch: recordingFetch(folder) }), negotiation),
});

// --- LibreChat: SDK v1 with its own options -----------------------------------------------------

const LIBRECHAT = { connectMs: 30000, requestMs: 60000, attempts: 3 };

function withTimeout(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms); });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Connects, then asks by a ping whether it is; tries again at most so often. An error of the
// transport would make it reconnect, so there must be none.
async function openLibreChat(makeTransport) {
  let last;
  for (let attempt = 0; attempt < LIBRECHAT.attempts; attempt += 1) {
    const client = new Client1({ name: '@librechat/api-client', version: '1.2.3' }, { capabilities: {} });
    const transport = makeTransport();
    const errors = [];
    transport.onerror = (error) => errors.push(error);
    try {
      await withTimeout(client.connect(transport), LIBRECHAT.connectMs);
      await client.ping();
      const options = { timeout: LIBRECHAT.requestMs, resetTimeoutOnProgress: true };
      return {
        ...sdkEnds(client),
        call: (name, args, more) => client.request({ method: 'tools/call', params: { name, arguments: args } },
          CallToolResultSchema, { ...options, ...more }),
        close: async () => {
          await client.close();
          if (errors.length > 0) throw new AggregateError(errors, 'the transport saw errors');
        },
      };
    } catch (error) {
      last = error;
      await client.close();
    }
  }
  throw last;
}

const librechat = {
  stdio: (store, folder) => openLibreChat(() => {
    const parameters = stdioParameters(store, folder);
    return new Stdio1({ ...parameters, env: { ...getDefaultEnvironment(), ...parameters.env } });
  }),
  http: (url, folder) => openLibreChat(() => new Http1(new URL(url), {
    requestInit: { headers: {}, signal: new AbortController().signal },
    fetch: recordingFetch(folder),
  })),
};

// --- AI SDK, LangChain --------------------------------------------------------------------------

async function openAi(transport) {
  const client = await createMCPClient({ transport });
  return {
    list: async () => (await client.listTools()).tools,
    call: (name, args, more) => client.callTool({ name, arguments: args, options: more }),
    resources: async () => (await client.listResources()).resources,
    templates: async () => (await client.listResourceTemplates()).resourceTemplates,
    read: async (uri) => (await client.readResource({ uri })).contents,
    prompts: async () => (await client.listPrompts()).prompts,
    prompt: async (name, args) => (await client.getPrompt({ name, arguments: args })).messages,
    instructions: () => client.instructions,
    close: () => client.close(),
    // What a program built on it really does: the tools as functions.
    functions: async () => {
      const tools = await client.tools();
      return (name, args) => tools[name].execute(args, { toolCallId: '1', messages: [] });
    },
  };
}

// Its own way are tools as functions: a text for the model and the structured part as an artifact.
async function openLangChain(connection) {
  const client = new MultiServerMCPClient({ mcpServers: { sextant: connection } });
  const tools = await client.getTools();
  return {
    ...sdkEnds(await client.getClient('sextant')),
    resources: async () => (await client.listResources()).sextant,
    read: (uri) => client.readResource('sextant', uri),
    close: () => client.close(),
    functions: async () => async (name, args) => {
      const tool = tools.find((one) => one.name === name);
      const { content, artifact } = await tool.invoke({ type: 'tool_call', id: '1', name, args });
      const { data } = artifact.find((part) => part.type === 'mcp_structured_content');
      return { content: [{ type: 'text', text: content.text ?? content[0]?.text ?? content }], structuredContent: data };
    },
  };
}

// It has no place for a fetch of ours.
async function behindProxy(url, folder, open) {
  const proxy = await recordingProxy(url, folder);
  try {
    const ends = await open(proxy.url);
    return { ...ends, close: () => ends.close().finally(() => proxy.close()) };
  } catch (error) {
    await proxy.close();
    throw error;
  }
}

const langchain = {
  stdio: (store, folder) => {
    const { command, args, env } = stdioParameters(store, folder);
    return openLangChain({ transport: 'stdio', command, args, env });
  },
  http: (url, folder) => behindProxy(url, folder, (through) => openLangChain({ transport: 'http', url: through })),
};

// --- mcp-remote: a server on stdio that is a client over HTTP -----------------------------------

const remote = (...flags) => ({
  http: (url, folder, store) => behindProxy(url, folder, (through) => {
    const program = fileURLToPath(import.meta.resolve('mcp-remote/package.json')).replace('package.json', 'dist/proxy.js');
    const args = [process.execPath, program, through, '--allow-http', '--transport', 'http-only', '--silent', ...flags];
    const hop = recordedCommand(`${folder}-stdio`, ...args);
    return openSdk(Client1, new Stdio1({ ...hop, env: store.env, stderr: 'inherit' }));
  }),
});

export const clients = [
  {
    name: '@modelcontextprotocol/sdk', speaks: LEGACY, hasProgress: true,
    stdio: (store, folder) => openSdk(Client1, new Stdio1(stdioParameters(store, folder))),
    http: (url, folder) => openSdk(Client1, new Http1(new URL(url), { fetch: recordingFetch(folder) })),
  },
  { name: '@modelcontextprotocol/client', speaks: LEGACY, hasProgress: true, ...sdk2({}) },
  {
    name: '@modelcontextprotocol/client, auto', speaks: MODERN, hasProgress: true,
    ...sdk2({ versionNegotiation: { mode: 'auto' } }),
  },
  {
    name: `@modelcontextprotocol/client, pinned to ${MODERN}`, speaks: MODERN, hasProgress: true,
    ...sdk2({ versionNegotiation: { mode: { pin: MODERN } } }),
  },
  {
    name: '@ai-sdk/mcp', speaks: MODERN, hasProgress: false,
    stdio: (store, folder) => openAi(new AiStdio(stdioParameters(store, folder))),
    http: (url, folder) => openAi({ type: 'http', url, fetch: recordingFetch(folder) }),
  },
  // From here on: not every tool, but all that the client can do. A process per question keeps no session.
  { name: 'LibreChat', speaks: LEGACY, isBrief: true, hasProgress: true, ...librechat },
  { name: '@langchain/mcp-adapters', speaks: LEGACY, isBrief: true, ...langchain },
  { name: 'mcp-remote', speaks: LEGACY, isBrief: true, hasProgress: true, ...remote() },
  { name: 'mcp-remote, auto', speaks: MODERN, isBrief: true, hasProgress: true, ...remote('--protocol', 'auto') },
  { name: 'inspector, legacy', speaks: LEGACY, isBrief: true, isProcess: true, ...inspector('legacy') },
  { name: 'inspector, modern', speaks: MODERN, isBrief: true, isProcess: true, ...inspector('modern') },
];
