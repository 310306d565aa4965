// The files of examples/: each is read as its client reads it, and the server that it names is
// started and asked.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { parse as parseYaml } from 'yaml';

import { SEXTANT, Store, engineProblem } from './store.mjs';
import { tools } from './tools.mjs';

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples');
const CLIENTS = join(EXAMPLES, 'clients');
const DEFAULT_URL = 'http://127.0.0.1:8765/mcp';

// How a client reads its file: {name: entry}.
const servers = (text) => JSON.parse(text).mcpServers;
const files = {
  'claude-desktop/claude_desktop_config.json': servers,
  'claude-code/.mcp.json': servers,
  'cursor/.cursor/mcp.json': servers,
  'vscode/.vscode/mcp.json': (text) => JSON.parse(text).servers,
  'librechat/librechat.yaml': (text) => parseYaml(text, { strict: true }).mcpServers,
};

describe('examples', { skip: engineProblem() || false }, () => {
  let store, path;
  before(() => {
    store = new Store();
    path = mkdtempSync(join(tmpdir(), 'sextant-path-')); // where `sextant` is found
    symlinkSync(SEXTANT, join(path, 'sextant'));
  });
  after(() => {
    store?.remove();
    if (path) rmSync(path, { recursive: true });
  });

  async function ask(transport) {
    const client = new Client({ name: 'sextant-tests', version: '1.0.0' });
    await client.connect(transport);
    const { tools: listed } = await client.listTools();
    assert.deepEqual(listed.map((tool) => tool.name).sort(), Object.keys(tools).sort());
    const { structuredContent } = await client.callTool({ name: 'list_sources', arguments: {} });
    tools.list_sources.good[0].check(structuredContent, store);
    await client.close();
  }

  async function start(entry) {
    const { command, args, url, env } = entry;
    if (url === undefined) {
      assert.equal(command, 'sextant');
      const around = { ...store.env, PATH: `${path}:${process.env.PATH}`, ...env };
      return ask(new StdioClientTransport({ command, args, env: around, stderr: 'ignore' }));
    }
    assert.equal(url, DEFAULT_URL, 'what `sextant serve` says that it listens at');
    const server = await store.serve(); // on a port of its own: others may use the default one
    try {
      return await ask(new StreamableHTTPClientTransport(new URL(server.url)));
    } finally {
      await server.stop();
    }
  }

  test('every file is known, and the README says where it goes', () => {
    const found = readdirSync(CLIENTS, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile() && one.name !== 'README.md')
      .map((one) => join(one.parentPath, one.name).slice(CLIENTS.length + 1));
    assert.deepEqual(found.sort(), Object.keys(files).sort());
    const readme = readFileSync(join(CLIENTS, 'README.md'), 'utf8');
    for (const file of found) assert.ok(readme.includes(`\`${file}\``), `${file} is not in the README`);
  });

  for (const [file, read] of Object.entries(files))
    test(file, async () => {
      const entries = Object.values(read(readFileSync(join(CLIENTS, file), 'utf8')));
      assert.ok(entries.length > 0);
      for (const entry of entries) await start(entry);
    });

  test('script-client.py', () => {
    const env = { ...store.env, PATH: `${path}:${process.env.PATH}` };
    const script = (...args) => spawnSync('python3', [join(EXAMPLES, 'script-client.py'), ...args],
      { encoding: 'utf8', env });
    const good = script('list_events', '{"search": "order_sent"}');
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /order_sent/);
    const bad = script('list_events', '{"search": 1, "nonsense": 2}');
    assert.equal(bad.status, 1, bad.stderr);
    assert.match(bad.stdout, /nonsense/);
    const none = script('no_such_tool');
    assert.equal(none.status, 1);
    assert.match(none.stderr, /no_such_tool/);
  });
});
