// What the HTTP tests share: the test server as a process, raw connections, messages.
import assert from 'node:assert/strict';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from '../children.mjs';

const SERVER = process.env.SEXTANT_ECHO_HTTP ?? 'build/tests/echo_http';

export { sleep };

// Starts the server on a free port with further flags. stop() ends it and checks that it drained,
// left nothing behind and exited with 0.
export async function startServer(...flags) {
  const child = spawn(SERVER, ['--listen', '127.0.0.1:0', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const server = { child, log: '', exit: new Promise((resolve) => child.on('close', resolve)) };
  child.stderr.on('data', (data) => { server.log += data; });
  const line = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (data) => { text += data; if (text.includes('\n')) resolve(text); });
    child.on('error', reject);
    child.on('close', (code) => reject(new Error(`the server ended with ${code}: ${server.log}`)));
  });
  server.port = JSON.parse(line).listening;
  server.url = `http://127.0.0.1:${server.port}`;
  server.stop = async () => {
    child.kill('SIGTERM');
    assert.equal(await server.exit, 0, server.log);
    assert.doesNotMatch(server.log, /Sanitizer|runtime error/);
  };
  return server;
}

// A raw connection that collects what it receives.
export class Raw {
  static open(port, options = {}) {
    return new Promise((resolve, reject) => {
      const raw = new Raw();
      raw.text = '';
      raw.isClosed = false;
      raw.socket = net.connect({ port, host: '127.0.0.1', ...options }, () => resolve(raw));
      raw.socket.on('data', (data) => { raw.text += data.toString('latin1'); });
      raw.socket.on('error', (error) => { raw.error = error; reject(error); });
      raw.closed = new Promise((done) => raw.socket.on('close', () => { raw.isClosed = true; done(); }));
    });
  }

  write(bytes) {
    return new Promise((resolve) => this.socket.write(bytes, 'latin1', resolve));
  }

  // Waits until the text satisfies `test`, or fails.
  async until(test, ms = 20000) {
    const end = Date.now() + ms;
    while (!test(this.text)) {
      if (Date.now() > end || (this.isClosed && !test(this.text)))
        throw new Error(`${this.isClosed ? 'closed' : 'still open'} after: ${JSON.stringify(this.text.slice(0, 2000))}`);
      await sleep(5);
    }
    return this.text;
  }

  // Takes one answer with Content-Length off the front of the text.
  async answer(ms) {
    let parsed = null;
    await this.until(() => (parsed = this.#parse()) !== null, ms);
    this.text = this.text.slice(parsed.length);
    return parsed;
  }

  #parse() {
    const end = this.text.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const [line, ...lines] = this.text.slice(0, end).split('\r\n');
    const headers = Object.fromEntries(lines.map((text) => {
      const colon = text.indexOf(':');
      return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()];
    }));
    const size = Number(headers['content-length'] ?? 0);
    if (this.text.length < end + 4 + size) return null;
    const body = Buffer.from(this.text.slice(end + 4, end + 4 + size), 'latin1').toString('utf8');
    return { status: Number(line.split(' ')[1]), line, headers, body, length: end + 4 + size };
  }

  close() {
    this.socket.destroy();
    return this.closed;
  }
}

export const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
};

export function legacyCall(name, args = {}, meta = undefined, id = 1) {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, _meta: meta } };
}

export function modernCall(name, args = {}, meta = {}, id = 1) {
  return legacyCall(name, args, { ...META, ...meta }, id);
}

// The headers that a message of the modern era needs.
export function modernHeaders(message) {
  const name = message.params?.name;
  return {
    'MCP-Protocol-Version': '2026-07-28',
    'Mcp-Method': message.method,
    ...(name === undefined ? {} : { 'Mcp-Name': name }),
  };
}

export const BOTH = 'application/json, text/event-stream';

// One POST as bytes. `body` is a message or text.
export function postBytes(body, headers = {}, { path = '/mcp', version = '1.1' } = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const all = {
    Host: 'localhost', 'Content-Type': 'application/json', Accept: BOTH,
    'Content-Length': Buffer.byteLength(text), ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/${version}\r\n${lines.join('')}\r\n${Buffer.from(text).toString('latin1')}`;
}

// One POST through fetch; returns status, headers, and the JSON or the events.
export async function post(server, body, headers = {}) {
  const response = await fetch(`${server.url}/mcp`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: BOTH, ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return {
    status: response.status, headers: response.headers, text, type,
    json: type.startsWith('application/json') ? JSON.parse(text) : undefined,
    events: type.startsWith('text/event-stream') ? readEvents(text) : undefined,
  };
}

// The JSON of each message event.
export function readEvents(text) {
  return text.split('\n\n').filter((block) => block.includes('data: ')).map((block) => {
    assert.match(block, /^event: message\ndata: [^\n]+$/);
    return JSON.parse(block.slice(block.indexOf('data: ') + 6));
  });
}

export async function stats(server) {
  return (await post(server, legacyCall('stats'))).json.result.structuredContent;
}

// Waits until the counters of the server satisfy `test`.
export async function untilStats(server, test, ms = 20000) {
  const end = Date.now() + ms;
  for (;;) {
    const counters = await stats(server);
    if (test(counters)) return counters;
    assert.ok(Date.now() < end, JSON.stringify(counters));
    await sleep(10);
  }
}
