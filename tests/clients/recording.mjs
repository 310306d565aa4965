// What is said between a client and the server, written down: one JSON line per message,
// {"from": "client" | "server", "text", "version"}, as emitted_check.mjs reads it.
import { appendFileSync, mkdirSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';

import { SEXTANT } from './store.mjs';

const TEE = join(import.meta.dirname, '..', 'wire', 'tee.mjs');

let connections = 0;
function recordingOf(folder) {
  mkdirSync(folder, { recursive: true });
  return join(folder, `connection-${connections += 1}.jsonl`);
}

// A program behind a tee that writes down every line.
export function recordedCommand(folder, command, ...args) {
  return { command: process.execPath, args: [TEE, recordingOf(folder), command, ...args] };
}

// The server. The clients that probe start two.
export function stdioParameters(store, folder) {
  const server = recordedCommand(folder, SEXTANT, 'stdio', '--log-level', 'warning', '--toolsets', 'all', '--data', store.data);
  return { ...server, env: store.env, stderr: 'inherit' };
}

function* messagesIn(type = '', text) {
  if (type.startsWith('application/json')) yield text;
  if (type.startsWith('text/event-stream'))
    for (const line of text.split('\n')) if (/^data: ./.test(line)) yield line.slice(6); // not the empty event that comes first
}

function writeDown(recording, posted, version, type, answer) {
  const lines = posted ? [{ from: 'client', text: posted, version }] : [];
  for (const message of messagesIn(type, answer)) lines.push({ from: 'server', text: message });
  if (lines.length > 0) appendFileSync(recording, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

// fetch() that writes down the message posted and, when its answer is complete, what came back.
export function recordingFetch(folder, fetched = fetch) {
  const recording = recordingOf(folder);
  return async (url, init) => {
    const response = await fetched(url, init);
    const version = new Headers(init?.headers).get('mcp-protocol-version') ?? undefined;
    const type = response.headers.get('content-type') ?? '';
    const answer = response.clone().text().catch(() => ''); // a call that was cancelled
    if (init?.method === 'POST')
      answer.then((text) => writeDown(recording, String(init.body), version, type, text));
    return response;
  };
}

// For clients that are programs: the same between two sockets.
export async function recordingProxy(target, folder) {
  const recording = recordingOf(folder);
  const { port: targetPort, hostname } = new URL(target);
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const forward = request({ hostname, port: targetPort, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      const type = answer.headers['content-type'];
      let text = '';
      answer.setEncoding('utf8').on('data', (some) => { text += some; outgoing.write(some); });
      answer.on('error', () => outgoing.destroy());
      answer.on('end', () => {
        if (path === '/mcp') writeDown(recording, posted, headers['mcp-protocol-version'], type, text);
        outgoing.end();
      });
      outgoing.flushHeaders();
    });
    let posted = '';
    incoming.setEncoding('utf8').on('data', (some) => { posted += some; forward.write(some); });
    incoming.on('end', () => forward.end());
    forward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => forward.destroy()); // a client that leaves is seen to leave
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    url: `http://127.0.0.1:${proxy.address().port}/mcp`,
    close() {
      proxy.closeAllConnections();
      return new Promise((resolve) => { proxy.close(resolve); });
    },
  };
}
