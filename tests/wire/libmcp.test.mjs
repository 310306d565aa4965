// libmcp as others see it: installed into an empty folder and reached through pkg-config alone.
// Every public header stands on its own in C and in C++, and the example builds and serves the
// official client in both eras.
//   SEXTANT_BUILD=build node --test tests/wire/libmcp.test.mjs
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const ROOT = join(import.meta.dirname, '..', '..');
const BUILD = process.env.SEXTANT_BUILD ?? join(ROOT, 'build');
const EXAMPLE = join(ROOT, 'examples', 'echo-server');
const MODERN = '2026-07-28', LEGACY = '2025-11-25';
const WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Werror'];

const folder = mkdtempSync(join(tmpdir(), 'libmcp-'));
const installed = join(folder, 'installed');
let env, headers;

function run(command, args, options) {
  const done = spawnSync(command, args, { encoding: 'utf8', env, timeout: 120000, ...options });
  assert.equal(done.status, 0, `${command} ${args.join(' ')}: ${done.error ?? ''}${done.stdout}${done.stderr}`);
  return done.stdout;
}

const flags = (what, name) => run('pkg-config', [what, name]).trim().split(/\s+/);
const hasCxx = spawnSync('c++', ['--version']).status === 0;

before(() => {
  execFileSync('meson', ['install', '-C', BUILD, '--no-rebuild', '--tags', 'devel', '--destdir', installed], { stdio: 'pipe' });
  const found = readdirSync(installed, { recursive: true }).filter((name) => name.endsWith('libmcp.pc'));
  assert.equal(found.length, 1);
  // What lies below a folder of its own says the place it will have: pkg-config translates.
  env = { ...process.env, PKG_CONFIG_PATH: join(installed, dirname(found[0])), PKG_CONFIG_SYSROOT_DIR: installed };
  const [first] = readdirSync(installed, { recursive: true }).filter((name) => name.endsWith('libmcp/server.h'));
  headers = readdirSync(join(installed, dirname(first)));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('every public header stands alone, in C11 and in C++', () => {
  assert.ok(headers.includes('call.h') && headers.includes('stdio_conn.h'), headers.join(' '));
  assert.ok(!headers.some((name) => name.includes('impl')), headers.join(' '));
  const languages = [['cc', 'c', 'c11'], ...(hasCxx ? [['c++', 'c++', 'c++11'], ['c++', 'c++', 'c++20']] : [])];
  const cflags = flags('--cflags', 'libmcp-uv');
  for (const name of headers)
    for (const [compiler, language, standard] of languages)
      run(compiler, ['-x', language, `-std=${standard}`, '-D_POSIX_C_SOURCE=200809L', ...WARNINGS, '-fsyntax-only', ...cflags, '-'], { input: `#include <libmcp/${name}>\n` });
});

test('the headers declare for C++ what the library has', { skip: hasCxx ? false : 'no C++ compiler' }, () => {
  const source = join(folder, 'all.cc'), program = join(folder, 'all');
  // Every function that a header declares, by its address.
  const text = run('cc', ['-E', '-P', '-x', 'c', ...flags('--cflags', 'libmcp-uv'), '-'],
    { input: headers.map((name) => `#include <libmcp/${name}>\n`).join('') });
  const own = headers.map((name) => readFileSync(join(installed, 'usr/local/include/libmcp', name), 'utf8')).join('\n');
  const names = [...own.matchAll(/^(?:[a-z][\w ]*[ *])([a-z]\w*)\(/gm)].map((match) => match[1])
    .filter((name) => new RegExp(`\\b${name}\\(`).test(text) && !['if', 'sizeof'].includes(name));
  assert.ok(names.includes('server_receive') && names.includes('call_ask') && names.length > 60, names.join(' '));
  writeFileSync(source, `${headers.map((name) => `#include <libmcp/${name}>\n`).join('')}
#include <cstdio>
int main() {
  const void *all[] = {${names.map((name) => `(const void *)&${name}`).join(', ')}};
  for (const void *one : all) if (one == nullptr) return 1;
  struct server_options options = {};
  options.name = "c++";
  options.version = "1";
  struct server *server = server_new(&options);
  std::printf("%zu\\n", server_running(server));
  server_free(server);
}\n`);
  run('c++', ['-std=c++17', ...WARNINGS, '-o', program, source, ...flags('--cflags', 'libmcp-uv'), ...flags('--libs', 'libmcp-uv')]);
  assert.equal(run(program, []), '0\n');
});

test('libmcp knows no loop and no socket', () => {
  const [library] = readdirSync(installed, { recursive: true }).filter((name) => name.endsWith('libmcp.a'));
  const wanted = run('nm', ['-u', join(installed, library)]);
  assert.doesNotMatch(wanted, / (uv_\w+|curl_\w+|socket|connect|listen|accept)$/m);
  assert.match(run('pkg-config', ['--print-requires', 'libmcp']), /^jansson/);
  assert.doesNotMatch(run('pkg-config', ['--libs', 'libmcp']), /-luv/);
});

describe('the example', () => {
  const program = join(folder, 'echo-server', 'echo-server');
  before(() => {
    cpSync(EXAMPLE, join(folder, 'echo-server'), { recursive: true, filter: (name) => /echo-server$|Makefile$|\.(c|build)$/.test(name) });
    run('make', ['-C', join(folder, 'echo-server')]);
  });

  test('is below 80 lines and has no warnings of its own', () => {
    const text = readFileSync(join(EXAMPLE, 'echo-server.c'), 'utf8');
    assert.ok(text.split('\n').length - 1 < 80);
    run('meson', ['setup', join(folder, 'meson'), join(folder, 'echo-server')]);
    run('ninja', ['-C', join(folder, 'meson')]);
  });

  for (const [revision, options] of [[LEGACY, {}], [MODERN, { versionNegotiation: { mode: { pin: MODERN } } }]])
    test(`serves the official client in ${revision}`, async () => {
      const client = new Client({ name: 'libmcp-test', version: '1.0.0' }, { capabilities: {}, ...options });
      await client.connect(new StdioClientTransport({ command: program }));
      try {
        const { tools: [tool] } = await client.listTools();
        assert.equal(tool.name, 'echo');
        assert.deepEqual(tool.inputSchema.required, ['text']);
        const { structuredContent } = await client.callTool({ name: 'echo', arguments: { text: 'ä', times: '2' } });
        assert.deepEqual(structuredContent, { lines: ['ä', 'ä'] });
        const wrong = await client.callTool({ name: 'echo', arguments: { text: 'a', times: 9 } });
        assert.equal(wrong.isError, true);
        assert.match(wrong.content[0].text, /^times: expected a whole number from 1 to 5, got 9/);

        const { resourceTemplates: [template] } = await client.listResourceTemplates();
        assert.equal(template.uriTemplate, 'greeting://{name}');
        const { contents } = await client.readResource({ uri: 'greeting://J%C3%BCrgen' });
        assert.deepEqual(contents, [{ uri: 'greeting://J%C3%BCrgen', mimeType: 'text/plain', text: 'Hello, Jürgen' }]);

        const { prompts: [prompt] } = await client.listPrompts();
        assert.deepEqual(prompt.arguments.map((argument) => [argument.name, argument.required]), [['phrase', true]]);
        const { messages: [message] } = await client.getPrompt({ name: 'parrot', arguments: { phrase: 'cracker' } });
        assert.match(message.content.text, /cracker$/);
        await assert.rejects(client.getPrompt({ name: 'parrot', arguments: {} }));
      } finally {
        await client.close();
      }
    });
});
