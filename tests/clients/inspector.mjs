// The MCP Inspector on the command line: one process per question, as people and CI scripts use it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { spawn } from '../children.mjs';
import { recordingProxy, stdioParameters } from './recording.mjs';

const PROGRAM = fileURLToPath(import.meta.resolve('@modelcontextprotocol/inspector/package.json'))
  .replace('package.json', 'clients/launcher/build/index.js');
const TOOL_ERROR = 5; // its exit code

async function ask(env, target, era, method, ...flags) {
  const args = [PROGRAM, '--cli', ...target, '--protocol-era', era, '--method', method, '--format', 'json',
    '--quiet', ...flags];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '', log = '';
  child.stdout.setEncoding('utf8').on('data', (text) => { out += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { log += text; });
  const [code] = await once(child, 'close');
  assert.ok(code === 0 || code === TOOL_ERROR, `${method} ended with ${code}: ${out}${log}`);
  return JSON.parse(out).result;
}

function open(env, target, era, close = async () => {}) {
  const get = (...question) => ask(env, target, era, ...question);
  return {
    // --strict ends with an error where a schema would be refused by some host.
    list: async () => (await get('tools/list', '--strict')).tools,
    call: (name, args) => get('tools/call', '--tool-name', name, '--tool-args-json', JSON.stringify(args)),
    resources: async () => (await get('resources/list')).resources,
    read: async (uri) => (await get('resources/read', '--uri', uri)).contents,
    prompts: async () => (await get('prompts/list')).prompts,
    prompt: async (name, args) => (await get('prompts/get', '--prompt-name', name, '--prompt-args',
      ...Object.entries(args).map((pair) => pair.join('=')))).messages,
    close,
  };
}

export const inspector = (era) => ({
  stdio: (store, folder) => {
    const { command, args, env } = stdioParameters(store, folder);
    const file = join(folder, 'inspector.json');
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, JSON.stringify({ mcpServers: { sextant: { command, args, env, protocolEra: era } } }));
    return open(store.env, ['--config', file, '--server', 'sextant'], era);
  },
  http: async (url, folder, store) => {
    const proxy = await recordingProxy(url, folder);
    return open(store.env, [proxy.url, '--transport', 'http'], era, () => proxy.close());
  },
});
