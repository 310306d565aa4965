// The official suite as a function: runs it against a URL and returns what it checked.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { spawn } from '../children.mjs';

const SUITE = dirname(fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/package.json')));
const PROGRAM = join(SUITE, 'dist', 'index.js');
const REQUIREMENTS = join(SUITE, 'requirements');

export const GOOD = 'SUCCESS', NEUTRAL = 'INFO', LEFT_OUT = 'SKIPPED';

async function run(args) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (some) => { text += some; });
  await once(child, 'close');
  return text; // whether it is content with the server is for faults() to say
}

// The checks by scenario: {name: [{id, name, status, errorMessage, …}]}. A scenario that the suite
// does not run in this revision is not there.
export async function runSuite(url, args) {
  const folder = mkdtempSync(join(tmpdir(), 'sextant-conformance-'));
  try {
    const text = await run(['server', '--url', url, '--output-dir', folder, ...args]);
    const results = new Map();
    for (const name of readdirSync(folder).sort()) {
      const [, scenario] = name.match(/^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/);
      const file = join(folder, name, 'checks.json');
      const stuck = { id: scenario, name: scenario, status: 'FAILURE', errorMessage: 'the suite gave up on it' };
      results.set(scenario, existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [stuck]);
    }
    assert.ok(results.size > 0, `the suite ran nothing:\n${text}`);
    return results;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// The suite gives some answers half a second, from one loaded machine to itself: a scenario with
// faults is run again, alone, before it counts. Returns what had to be.
export async function runAgain(url, revision, results, faulty) {
  const repeated = [];
  for (let times = 0; times < 2; times += 1)
    for (const name of [...results.keys()].filter(faulty)) {
      repeated.push(name);
      const alone = await runSuite(url, ['--scenario', name, '--spec-version', revision, '--force']);
      results.set(name, alone.get(name));
    }
  return repeated;
}

// The scenarios that the suite has for servers, of one revision or all.
export async function scenarios(...args) {
  const text = await run(['list', '--server', ...args]);
  return [...text.matchAll(/^ {2}- (\S+)/gm)].map((found) => found[1]);
}

// What a revision asks of servers: scenarios that count, and those that are only reported.
export function requirements(revision) {
  const text = readFileSync(join(REQUIREMENTS, `${revision}.yaml`), 'utf8');
  const [, list] = text.match(/^server:\n((?:(?: {2}.*)?\n)*)/m);
  const reported = [...text.matchAll(/^ {2}- scenario: (\S+)\n {4}leg: server$/gm)];
  return {
    scored: [...list.matchAll(/^ {2}- (\S+)/gm)].map((found) => found[1]),
    reported: reported.map((found) => found[1]),
  };
}

// What is wrong with the checks of one scenario. `expected` = {check id: why it is not met}.
export function faults(checks = [], expected = {}) {
  const seen = new Set(checks.map((check) => check.id));
  const gone = Object.keys(expected).filter((id) => !seen.has(id));
  const met = Object.keys(expected).filter((id) => checks.every((c) => c.id !== id || c.status === GOOD));
  const bad = checks.filter((c) => ![GOOD, NEUTRAL].includes(c.status) && !expected[c.id]);
  return [
    ...bad.map((c) => `${c.status} ${c.id} (${c.name}): ${c.errorMessage ?? JSON.stringify(c.details)}`),
    ...gone.map((id) => `${id} was not checked`),
    ...met.filter((id) => seen.has(id)).map((id) => `${id} is met: take it out of the table`),
    ...(checks.some((c) => c.status === GOOD || expected[c.id]) ? [] : ['nothing was checked']),
  ];
}

// The fixture server on a free port. stop() wants a clean end.
export async function startFixture(program = process.env.SEXTANT_FIXTURE_SERVER) {
  const child = spawn(program, ['--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const gone = once(child, 'close');
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { log += text; });
  const first = once(child.stdout.setEncoding('utf8'), 'data');
  const [said] = await Promise.race([first, gone.then(() => assert.fail(log))]);
  return {
    url: `http://127.0.0.1:${JSON.parse(said).listening}/mcp`,
    async stop() {
      child.kill('SIGTERM');
      const [code, signal] = await gone;
      assert.equal(code, 0, `the fixture server ended with ${code ?? signal}: ${log}`);
      assert.equal(log, '');
    },
  };
}
