// The client libraries that people's programs are built on, behind one small interface: {list(),
// call(name, args, {signal, onprogress})} and close(). Everything they say and hear is recorded.
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { createMCPClient } from '@ai-sdk/mcp';
import { Experimental_StdioMCPTransport as AiStdio } from '@ai-sdk/mcp/mcp-stdio';
import { Client as Client2, StreamableHTTPClientTransport as Http2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { MODERN, SEXTANT } from './store.mjs';

export const LEGACY = '2025-11-25';
const TEE = join(import.meta.dirname, '..', 'wire', 'tee.mjs');
const ABOUT = { name: 'sextant-tests', version: '1.0.0' };

// --- recording ----------------------------------------------------------------------------------

let connections = 0;
function recordingOf(folder) {
  mkdirSync(folder, { recursive: true });
  return join(folder, `connection-${connections += 1}.jsonl`);
}

// The server behind a tee that writes down every line. The clients that probe start two.
function stdioParameters(store, folder) {
  const recording = recordingOf(folder);
  const sextant = [SEXTANT, 'stdio', '--log-level', 'warning', '--data', store.data];
  return { command: process.execPath, args: [TEE, recording, ...sextant], env: store.env, stderr: 'inherit' };
}

function* messagesIn(type, text) {
  if (type.startsWith('application/json')) yield text;
  if (type.startsWith('text/event-stream'))
    for (const line of text.split('\n')) if (line.startsWith('data: ')) yield line.slice(6);
}

// fetch() that writes down the message posted and, when its answer is complete, what came back.
function recordingFetch(folder) {
  const recording = recordingOf(folder);
  return async (url, init) => {
    const response = await fetch(url, init);
    const version = new Headers(init?.headers).get('mcp-protocol-version') ?? undefined;
    const type = response.headers.get('content-type') ?? '';
    const answer = response.clone().text().catch(() => ''); // a call that was cancelled
    if (init?.method === 'POST')
      answer.then((text) => {
        const lines = [{ from: 'client', text: String(init.body), version }];
        for (const message of messagesIn(type, text)) lines.push({ from: 'server', text: message });
        appendFileSync(recording, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      });
    return response;
  };
}

// --- the clients --------------------------------------------------------------------------------

async function openSdk(Client, transport, options) {
  const client = new Client(ABOUT, { capabilities: {}, ...options });
  await client.connect(transport);
  return {
    list: async () => (await client.listTools()).tools,
    call: (name, args, more) => (Client === Client1
      ? client.callTool({ name, arguments: args }, undefined, more)
      : client.callTool({ name, arguments: args }, more)),
    instructions: () => client.getInstructions(),
    close: () => client.close(),
  };
}

async function openAi(transport) {
  const client = await createMCPClient({ transport });
  return {
    list: async () => (await client.listTools()).tools,
    call: (name, args, more) => client.callTool({ name, arguments: args, options: more }),
    instructions: () => client.instructions,
    close: () => client.close(),
    // What a program built on it really does: the tools as functions.
    functions: () => client.tools(),
  };
}

const sdk2 = (negotiation) => ({
  stdio: (store, folder) => openSdk(Client2, new Stdio2(stdioParameters(store, folder)), negotiation),
  http: (url, folder) => openSdk(Client2, new Http2(new URL(url), { fetch: recordingFetch(folder) }), negotiation),
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
];
