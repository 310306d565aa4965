// The command line of the built program: SEXTANT_BIN names it. Tests that need the embedded engine
// are skipped, with the reason, where it cannot run (SEXTANT_SANITIZED, or no libchdb.so).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync, copyFileSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { spawn } from '../children.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const binary = process.env.SEXTANT_BIN ?? join(root, 'build', 'sextant');
const isSanitized = process.env.SEXTANT_SANITIZED === '1';
const folder = mkdtempSync(join(tmpdir(), 'sextant-cli-'));
const store = join(folder, 'store');
after(() => rmSync(folder, { recursive: true, force: true }));

// Nothing of the surroundings may decide a test: no CLICKHOUSE_*, no SEXTANT_*, no configuration.
const environment = { HOME: folder, PATH: process.env.PATH, XDG_CONFIG_HOME: join(folder, 'xdg') };
for (const name of ['SEXTANT_LIBCHDB', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'])
  if (process.env[name]) environment[name] = process.env[name];

function sextant(args, { input, env } = {}) {
  const run = spawnSync(binary, args, {
    encoding: 'utf8', input: input ?? '', env: { ...environment, ...env }, maxBuffer: 64 << 20,
    timeout: 60000,
  });
  assert.equal(run.signal, null, `${args.join(' ')} died of ${run.signal}: ${run.stderr}`);
  return run;
}

// An error of a call: exit code 1, nothing on stdout, one JSON object on stderr.
function callError(args, options) {
  const run = sextant(['call', ...args], options);
  assert.equal(run.status, 1, run.stderr);
  assert.equal(run.stdout, '');
  const lines = run.stderr.trimEnd().split('\n');
  const { error } = JSON.parse(lines.at(-1));
  assert.deepEqual(Object.keys(error), ['code', 'field', 'message']);
  return error;
}

const commands = ['stdio', 'serve', 'call', 'tools', 'import', 'export', 'demo', 'doctor'];

let engineProblem;
function skipWithoutEngine(t) {
  if (engineProblem === undefined) {
    engineProblem = '';
    if (isSanitized) {
      engineProblem = 'libchdb does not run under the sanitizers';
    } else {
      const { checks } = JSON.parse(sextant(['doctor', '--json', '--data', store]).stdout);
      const connection = checks.find((c) => c.check === 'connection');
      if (connection.status !== 'ok') engineProblem = connection.text;
    }
  }
  if (engineProblem) t.skip(engineProblem);
  return engineProblem !== '';
}

const rowCount = 500;
function importLog() {
  const file = join(folder, 'log.csv');
  const lines = ['when,what,who,note'];
  for (let i = 0; i < rowCount; i += 1) {
    const time = new Date(Date.UTC(2026, 0, 1) + i * 60000).toISOString();
    const event = i % 10 === 0 ? '"say ""hi"", you"' : ['view', 'buy'][i % 2];
    lines.push(`${time},${event},u${i % 7},n${i}`);
  }
  writeFileSync(file, `${lines.join('\n')}\n`);
  const run = sextant(['import', file, '--source', 'log', '--time', 'when', '--event', 'what',
    '--actor', 'who', '--data', store]);
  assert.equal(run.status, 0, run.stdout + run.stderr);
}
let isImported = false;
function withLog(t) {
  if (skipWithoutEngine(t)) return false;
  if (!isImported) importLog();
  isImported = true;
  return true;
}

// --- help and usage -----------------------------------------------------------------------------

test('version and help', () => {
  assert.match(sextant(['--version']).stdout, /^sextant \d+\.\d+\.\d+\n$/);
  const help = sextant(['--help']);
  assert.equal(help.status, 0);
  for (const name of commands) assert.match(help.stdout, new RegExp(`\\n  ${name} +\\S`));
  assert.equal(sextant([]).status, 2);
  for (const name of commands) {
    const own = sextant([name, '--help']);
    assert.equal(own.status, 0);
    assert.match(own.stdout, new RegExp(`^usage: sextant ${name}`));
    for (const option of ['--data DIR', 'SEXTANT_DATA', '--config FILE', '--log-level LEVEL'])
      assert.ok(own.stdout.includes(option), `${name} --help lacks ${option}`);
    assert.equal(sextant(['help', name]).stdout, own.stdout);
  }
  assert.ok(sextant(['serve', '--help']).stdout.includes('--listen HOST:PORT'));
  assert.ok(!sextant(['call', '--help']).stdout.includes('--listen'));
  for (const option of ['--sessions [BOOL]', 'SEXTANT_SESSIONS', '--tokens FILE', 'SEXTANT_TOKENS'])
    assert.ok(sextant(['serve', '--help']).stdout.includes(option), option);
  const token = sextant(['token', '--help']).stdout;
  assert.match(token, /^usage: sextant token create NAME \| list \| revoke NAME/);
  assert.ok(token.includes('--tokens FILE') && !token.includes('--listen') && !token.includes('--data'));
  const tool = sextant(['call', 'list_events', '--help']);
  assert.equal(tool.status, 0);
  assert.match(tool.stdout, /^usage: sextant call list_events [^]*\n {2}limit +\S.*\(default \d+\)/);
});

test('usage errors exit 2 and say what was meant', () => {
  const cases = [
    [['tols'], 'there is no command "tols"; did you mean tools?'],
    [['help', 'srve'], 'did you mean serve?'],
    [['call'], 'which tool?'],
    [['call', 'list_events', '{}', 'extra'], 'unexpected "extra"'],
    [['call', 'list_events', '{}', '--', '--format'], 'unexpected "--format"'],
    [['call', 'list_events', '--format', 'xml'], 'expected json, text or csv, got "xml"'],
    [['call', 'list_events', '--fromat', 'csv'], 'did you mean --format?'],
    [['call', 'list_events', '--listen', ':1'], '--listen: not an option of this subcommand'],
    [['call', 'list_events', '--query-seconds', 'soon'],
      '--query-seconds: expected a number 1..3600, got "soon"'],
    [['tools', '--json=1'], '--json: takes no value'],
    [['tools', 'x'], 'unexpected "x"'],
    [['tools', '--toolsets', 'cores'], 'there is no "cores" (did you mean core?)'],
    [['tools', '--toolsets', ', '], 'toolsets: expected at least one name'],
    [['stdio', 'x'], 'takes no arguments'],
    [['import', '--source', 'x', '--'], 'name at least one file'],
    [['import', '-x.csv', '--source', 'x'], '-x.csv: unknown option'],
    [['import', '--', '-x.csv', '--source', 'x'], 'name the source with --source NAME'],
    [['doctor', '--data'], '--data: a value must follow'],
    [['serve', '--config', '/nonexistent/c.json'], '/nonexistent/c.json: No such file'],
  ];
  for (const [args, words] of cases) {
    const run = sextant(args);
    assert.equal(run.status, 2, `${args.join(' ')}: ${run.stderr}`);
    assert.equal(run.stdout, '');
    assert.ok(run.stderr.includes(words), `${args.join(' ')}: ${run.stderr}`);
  }
});

test('the configuration file and the environment, and errors that name the key', () => {
  const file = join(folder, 'bad.json');
  writeFileSync(file, '{"clickhouse": {"port": "x"}}');
  const bad = sextant(['tools', '--config', file]);
  assert.equal(bad.status, 2);
  assert.ok(bad.stderr.includes('bad.json: clickhouse.port: expected a number 1..65535, got "x"'));
  const run = sextant(['tools'], { env: { CLICKHOUSE_PORT: '0' } });
  assert.equal(run.status, 2);
  assert.ok(run.stderr.includes('CLICKHOUSE_PORT: expected a number 1..65535, got "0"'));
  writeFileSync(file, '{"toolsets": ["list_events"]}');
  const one = JSON.parse(sextant(['tools', '--json', '--config', file]).stdout);
  assert.deepEqual(one.map((tool) => tool.name), ['list_events']);
  const two = JSON.parse(sextant(['tools', '--json', '--config', file],
    { env: { SEXTANT_TOOLSETS: 'list_events,list_sources' } }).stdout);
  assert.equal(two.length, 2);
});

// --- tools --------------------------------------------------------------------------------------

// Inputs carry a description on every property; outputs carry none, to stay small.
function checkSchema(schema, where, areDescribed) {
  assert.equal(typeof schema.type, 'string', `${where}: one plain type`);
  for (const word of ['$ref', 'oneOf', 'anyOf', 'allOf', 'not', 'if'])
    assert.ok(!(word in schema), `${where}: ${word}`);
  if (schema.type === 'array') {
    assert.ok(schema.items, `${where}: an array without items`);
    checkSchema(schema.items, `${where}[]`, areDescribed);
  }
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    if (areDescribed) assert.ok(inner.description?.length > 0, `${where}.${name}: no description`);
    checkSchema(inner, `${where}.${name}`, areDescribed);
  }
}

test('tools --json is what a client is told, within its limits', async () => {
  const text = sextant(['tools', '--json']).stdout;
  const tools = JSON.parse(text);
  assert.ok(tools.length > 0);
  assert.ok(text.length < 40000, `tools/list of the default set is ${text.length} bytes`);
  const client = startStdio(['--data', join(folder, 'none')]);
  const answer = await client.ask('tools/list');
  assert.deepEqual(answer.result.tools, tools);
  await client.end();
  const all = JSON.parse(sextant(['tools', '--json', '--toolsets', 'all']).stdout);
  const names = all.map((tool) => tool.name);
  assert.deepEqual(names, [...names].sort());
  for (const tool of all) {
    assert.match(tool.name, /^[a-z0-9_]{1,30}$/);
    assert.ok(JSON.stringify(tool.inputSchema).length < 4096,
      `${tool.name}: input schema of ${JSON.stringify(tool.inputSchema).length} bytes`);
    checkSchema(tool.inputSchema, tool.name, true);
    checkSchema(tool.outputSchema, tool.name, false);
  }
  const listed = sextant(['tools']).stdout;
  for (const name of names) assert.ok(listed.includes(name));
});

test('docs/tools.md is fresh', (t) => {
  const page = sextant(['tools', '--markdown']).stdout;
  for (const line of ['# Tools', '## Matcher', '## Filter', '## list_sources'])
    assert.ok(page.includes(`${line}`));
  const fresh = readFileSync(join(root, 'docs', 'tools.md'), 'utf8');
  assert.ok(page === fresh, 'docs/tools.md is stale: build/sextant tools --markdown > docs/tools.md');
});

// --- call ---------------------------------------------------------------------------------------

test('errors of call name the field, before any engine', () => {
  const none = ['--data', join(folder, 'none')];
  assert.deepEqual(callError(['lst_events', ...none]), {
    code: 'not_found', field: 'tool',
    message: 'there is no tool "lst_events"; did you mean list_events?; see: sextant tools',
  });
  assert.match(callError(['list_events', '{', ...none]).message, /^not valid JSON/);
  assert.match(callError(['list_events', '[1]', ...none]).message, /must be a JSON object/);
  const unknown = callError(['list_events', '{"limt":1}', ...none]);
  assert.equal(unknown.code, 'bad_argument');
  assert.equal(unknown.field, 'limt');
  assert.match(unknown.message, /did you mean "limit"/);
  const range = callError(['list_events', '{"limit":0}', ...none]);
  assert.equal(range.field, 'limit');
  assert.match(range.message, /whole number from 1 to \d+, got 0/);
  const file = callError(['list_events', '@/nonexistent/a.json', ...none]);
  assert.match(file.message, /nonexistent\/a.json: No such file/);
  const big = callError(['list_events', '-', ...none], { input: ' '.repeat(10 << 20) });
  assert.equal(big.code, 'limit');
  const bytes = callError(['list_events', '-', ...none], { input: Buffer.from('{"search":"\xff"}', 'latin1') });
  assert.match(bytes.message, /not valid JSON: unable to decode byte 0xff/);
});

test('a missing engine is an error that tells what to do', () => {
  const env = { SEXTANT_LIBCHDB: '/nonexistent/libchdb.so' };
  const error = callError(['list_sources', '--data', join(folder, 'none')], { env });
  assert.equal(error.code, 'unavailable');
  assert.match(error.message, /libchdb/);
  const doctor = sextant(['doctor', '--json', '--data', join(folder, 'none')], { env });
  assert.equal(doctor.status, 1);
  const report = JSON.parse(doctor.stdout);
  assert.equal(report.ok, false);
  const check = report.checks.find((c) => c.check === 'connection');
  assert.equal(check.status, 'fail');
  assert.ok(check.fix.length > 0);
});

test('an unreachable server is an error that tells what to do', () => {
  const env = { CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_PORT: '1', CLICKHOUSE_SECURE: 'false' };
  assert.equal(callError(['list_sources'], { env }).code, 'unavailable');
  const doctor = sextant(['doctor'], { env });
  assert.equal(doctor.status, 1);
  assert.match(doctor.stdout, /\nfail +connection .*\n +→ check CLICKHOUSE_HOST/);
});

function parseCsv(text) {
  const rows = [];
  let row = [], cell = '', isQuoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i];
    if (isQuoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') { cell += '"'; i += 1; } else isQuoted = false;
    } else if (c === '"') isQuoted = true;
    else if (c === ',') { row.push(cell); cell = ''; }
    else if (c === '\r' && text[i + 1] === '\n') {
      row.push(cell); rows.push(row); row = []; cell = ''; i += 1;
    } else cell += c;
  }
  assert.equal(cell, '');
  assert.equal(row.length, 0);
  return rows;
}

test('call: json, text and csv say the same; arguments from text, file and standard input', (t) => {
  if (!withLog(t)) return;
  const at = ['--data', store];
  const run = sextant(['call', 'list_events', '{"source":"log"}', ...at]);
  assert.equal(run.status, 0, run.stderr);
  const result = JSON.parse(run.stdout);
  assert.deepEqual(new Set(result.events.map((e) => e.event)), new Set(['view', 'buy', 'say "hi", you']));
  assert.equal(result.events.reduce((sum, e) => sum + e.count, 0), rowCount);
  assert.equal(result.meta.source, 'log');

  const same = (other) => assert.deepEqual(JSON.parse(other.stdout).events, result.events);
  const file = join(folder, 'arguments.json');
  writeFileSync(file, '{"source":"log"}');
  same(sextant(['call', 'list_events', `@${file}`, ...at]));
  same(sextant(['call', 'list_events', '-', ...at], { input: '{"source":"log"}' }));
  same(sextant(['call', ...at, 'list_events']));

  const text = sextant(['call', 'list_events', '--format', 'text', ...at]).stdout;
  assert.ok(text.includes('say "hi", you') && !text.startsWith('{'));
  const [header, ...rows] = parseCsv(sextant(['call', 'list_events', '--format=csv', ...at]).stdout);
  assert.equal(rows.length, result.events.length);
  result.events.forEach((event, i) => {
    header.forEach((name, j) => {
      const value = event[name];
      const cell = value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
      assert.equal(rows[i][j], cell, `row ${i} ${name}`);
    });
  });
});

test('call: csv has no column that no row fills', (t) => {
  if (!withLog(t)) return;
  const header = (...args) => parseCsv(sextant(['call', ...args, '--format', 'csv', '--data', store]).stdout)[0].join();
  const trend = (more) => header('run_trend', JSON.stringify({ source: 'log', series: ['view'], ...more }));
  assert.equal(trend({}), 'time,series,value,complete');
  assert.equal(trend({ compare: 'previous', breakdown: ['event'] }), 'time,series,breakdown,value,previous,complete');
  assert.equal(header('list_events', '{"source":"log","search":"nothing"}'),
    'event,description,count,actors,sessions,first_seen,last_seen,trend,is_new,is_gone');
});

test('call --format csv: the main table, flat', (t) => {
  if (!withLog(t)) return;
  const both = (tool, args) => {
    const call = (format) => sextant(['call', tool, JSON.stringify({ source: 'log', ...args }), '--format', format, '--data', store]).stdout;
    const [header, ...rows] = parseCsv(call('csv'));
    for (const cell of rows.flat()) assert.doesNotMatch(cell, /^[[{]/, tool);
    return { header, rows, result: JSON.parse(call('json')) };
  };
  const plain = (value) => value === undefined ? '' : String(value);
  const matrix = both('retention_matrix', { start: 'view', interval: 'hour', breakdown: ['note', 'event'], breakdown_limit: 2 });
  assert.deepEqual(matrix.header, ['cohort', 'breakdown_1', 'breakdown_2', 'size', 'period', 'count', 'rate', 'complete']);
  assert.deepEqual(matrix.rows.map((row) => [...row.slice(0, 6), row[7]]), matrix.result.cohorts.flatMap((c) =>
    c.cells.map((cell) => [c.cohort, ...c.breakdown, c.size, cell.period, cell.count, cell.complete].map(plain))));
  const funnel = { steps: ['view', 'buy'], within: { value: 1, unit: 'hour' } };
  assert.deepEqual(both('run_funnel', funnel).rows.map((row) => row.slice(0, 3)), [['1', 'view', '7'], ['2', 'buy', '7']]);
  const split = both('run_funnel', { ...funnel, breakdown: ['event'] });
  assert.deepEqual(split.header.slice(0, 4), ['breakdown', 'step', 'name', 'count']);
  assert.deepEqual(split.rows.map((row) => row.slice(0, 4)), split.result.breakdowns.flatMap((b) =>
    b.steps.map((step) => [b.breakdown[0], step.step, step.name, step.count].map(plain))));
  assert.deepEqual(both('run_funnel', { ...funnel, view: 'time_to_convert', bins: 2 }).header, ['from_s', 'to_s', 'count']);
  const { header, rows } = both('describe_source', {});
  assert.equal(rows.find((row) => row[0] === 'event')[header.indexOf('top')], 'buy 250; view 200; say "hi", you 50');
});

test('doctor is content with a good store and says what is in it', (t) => {
  if (!withLog(t)) return;
  const run = sextant(['doctor', '--json', '--data', store]);
  const report = JSON.parse(run.stdout);
  assert.deepEqual(report.checks.filter((c) => c.status === 'fail'), []);
  assert.equal(run.status, 0);
  assert.ok(report.ok);
  assert.ok(report.checks.some((c) => c.check === 'source log' && c.status === 'ok'));
});

test('a command that asks once merges no parts, one that writes does', (t) => {
  if (skipWithoutEngine(t)) return;
  const data = join(folder, 'brief');
  const hasNoMerges = () => readFileSync(join(data, 'engine.xml'), 'utf8').includes('<max_bytes_to_merge_at_max_space_in_pool>1<');
  const run = (args) => assert.equal(sextant([...args, '--data', data]).status, 0);
  const file = join(folder, 'visits.csv');
  writeFileSync(file, 'time,event,user\n2026-01-01T00:00:00Z,A,u\n');
  run(['import', file, '--source', 'visits']);
  assert.equal(hasNoMerges(), false);
  run(['call', 'list_sources', '{}']);
  assert.equal(hasNoMerges(), true);
});

test('a configured table that is missing spoils no other source', (t) => {
  if (!withLog(t)) return;
  const config = join(folder, 'missing.json');
  writeFileSync(config, JSON.stringify({ sources: { shop: { table: 'clicks', time: 'ts' } } }));
  const more = ['--data', store, '--config', config];
  const list = sextant(['call', 'list_sources', ...more]);
  assert.equal(list.status, 0, list.stderr);
  const { sources, meta } = JSON.parse(list.stdout);
  assert.ok(sources.some((s) => s.name === 'log'));
  assert.match(meta.warnings.join(), /'shop'.*sources\.shop\.table: table 'clicks' does not exist/);
  assert.equal(sextant(['call', 'list_events', '{"source":"log"}', ...more]).status, 0);
  const error = callError(['list_events', '{"source":"shop"}', ...more]);
  assert.equal(error.code, 'not_found');
  assert.equal(error.field, 'sources.shop.table');
  const doctor = sextant(['doctor', '--json', ...more]);
  assert.equal(doctor.status, 1);
  const failed = JSON.parse(doctor.stdout).checks.filter((c) => c.status === 'fail');
  assert.equal(failed.length, 1);
  assert.equal(failed[0].check, 'source shop');
  assert.match(failed[0].text, /^sources\.shop\.table: /);
  assert.doesNotMatch(failed[0].fix, /CLICKHOUSE|GRANT/i);
});

test('a configured table may be written as list_sources writes it', (t) => {
  if (!withLog(t)) return;
  const before = JSON.parse(sextant(['call', 'list_sources', '--data', store]).stdout).sources;
  const { table } = before.find((s) => s.name === 'log');
  assert.match(table, /\./);
  const config = join(folder, 'dotted.json');
  writeFileSync(config, JSON.stringify({ sources: { shop: { table } } }));
  const run = sextant(['call', 'list_sources', '--data', store, '--config', config]);
  const { sources } = JSON.parse(run.stdout);
  assert.equal(sources.find((s) => s.name === 'shop').table, table);
  assert.equal(sources.find((s) => s.name === 'log'), undefined);
});

// --- how it ends --------------------------------------------------------------------------------

// A second is promised; the rest is what a loaded machine adds.
const WITHIN_MS = 10000;
const WAIT_MS = 30000; // beyond it something is missing, not late

async function until(holds, what) {
  for (const end = Date.now() + WAIT_MS; !await holds(); await sleep(20)) assert.ok(Date.now() < end, what());
}

// Sends the signal when it is time, and measures.
async function killed(args, signal, time, env) {
  const child = spawn(binary, args, { env: { ...environment, ...env } });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
  child.stdout.resume();
  const exit = once(child, 'close'); // by then all that it said has been read
  await time;
  const started = performance.now();
  child.kill(signal);
  const [code, by] = await exit;
  return { code, by, ms: performance.now() - started, errors };
}

// A server that takes connections and never answers. Who has come to it takes signals, too.
async function silentServer() {
  const server = createServer((socket) => { socket.on('error', () => {}); });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref(); // a test that fails does not close it
  const env = { CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_SECURE: 'false',
    CLICKHOUSE_PORT: String(server.address().port) };
  const reached = () => once(server, 'connection', { signal: AbortSignal.timeout(WAIT_MS) });
  return { server, env, reached };
}

test('a signal ends a call that waits for its server within a second', async () => {
  const { server, env, reached } = await silentServer();
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) {
    for (const args of [['call', 'list_sources'], ['doctor']]) {
      const end = await killed(args, signal, reached(), env);
      assert.equal(end.code, code, `${args[0]} ${signal}: ${end.code} ${end.by} ${end.errors}`);
      assert.ok(end.ms < WITHIN_MS, `${args[0]} took ${end.ms} ms`);
    }
  }
  server.close();
});

test('a signal ends a call of the embedded engine within a second, whenever it comes', async (t) => {
  if (!withLog(t)) return;
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) {
    for (const delayMs of [20, 80, 150]) {
      const end = await killed(['call', 'list_sources', '--data', store], signal, sleep(delayMs));
      /* A fast machine may be done before, and on a slow one the program may not have asked for the
         signal, which then ends it by itself. */
      assert.ok(end.code === code || end.code === 0 || end.by === signal, `${signal} ${delayMs}: ${end.code} ${end.by}`);
      assert.ok(end.ms < WITHIN_MS, `took ${end.ms} ms`);
    }
  }
});

test('a reader that leaves is no crash', async () => {
  for (const args of [['tools', '--json'], ['--help'], ['tools', '--markdown']]) {
    const child = spawn(binary, args, { env: environment });
    child.stdout.destroy();
    const [code, signal] = await once(child, 'exit');
    assert.equal(signal, null);
    assert.ok(code === 0 || code === 1);
  }
});

// --- stdio --------------------------------------------------------------------------------------

function startStdio(args, env) {
  const child = spawn(binary, ['stdio', ...args], { env: { ...environment, ...env } });
  const waiting = new Map();
  let rest = '', errors = '', id = 0;
  child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const message = JSON.parse(line);
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }
  });
  const exit = once(child, 'close'); // by then all that it said has been read
  return {
    child,
    exit,
    errors: () => errors,
    ask(method, params = {}) {
      id += 1;
      const meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      };
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method,
        params: { ...params, _meta: meta } })}\n`);
      return new Promise((resolve) => { waiting.set(id, resolve); });
    },
    async end() {
      child.stdin.end();
      const [code, signal] = await exit;
      assert.equal(signal, null);
      assert.equal(code, 0, errors);
    },
  };
}

test('stdio answers before any engine, small and soon', async () => {
  const client = startStdio(['--data', join(folder, 'none')]);
  const answer = await client.ask('server/discover');
  assert.equal(answer.result.serverInfo.name, 'sextant');
  assert.ok(answer.result.instructions.length < 2000);
  for (const tool of ['list_sources', 'list_events'])
    assert.ok(answer.result.instructions.includes(tool));
  const status = readFileSync(`/proc/${client.child.pid}/status`, 'utf8');
  const rssKb = Number(/VmRSS:\s+(\d+)/.exec(status)[1]);
  if (!isSanitized)
    assert.ok(rssKb < 8 * 1024, `${rssKb} kB`); // generous: the bench measures
  assert.ok(!/libchdb|libcurl/.test(readFileSync(`/proc/${client.child.pid}/maps`, 'utf8')));
  const refused = await client.ask('tools/call', { name: 'list_events', arguments: { limt: 1 } });
  assert.equal(refused.result.isError, true);
  assert.match(refused.result.content[0].text, /^limt: unknown name; did you mean "limit"/);
  await client.end();
});

test('stdio ends on signals within a second, also with a call running', async () => {
  const { server, env, reached } = await silentServer();
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) {
    const client = startStdio([], env);
    await client.ask('tools/list');
    const running = reached();
    client.ask('tools/call', { name: 'list_sources', arguments: {} });
    await running;
    const started = performance.now();
    client.child.kill(signal);
    const [exitCode, by] = await client.exit;
    assert.equal(exitCode, code, `${by} ${client.errors()}`);
    assert.ok(performance.now() - started < WITHIN_MS);
  }
  server.close();
});

test('stdio calls a tool of the embedded engine', async (t) => {
  if (!withLog(t)) return;
  const client = startStdio(['--data', store]);
  const answer = await client.ask('tools/call', { name: 'list_events', arguments: {} });
  assert.ok(!answer.result.isError, answer.result.content[0].text);
  assert.equal(answer.result.structuredContent.events.length, 3);
  assert.ok(answer.result.content[0].text.includes('buy'));

  /* One process owns the store: another goes through it, and says so. */
  assert.equal(sextant(['call', 'list_events', '--data', store]).status, 0);
  assert.match(sextant(['doctor', '--data', store]).stdout, /held by sextant stdio/);
  await client.end();
  assert.equal(sextant(['call', 'list_events', '--data', store]).status, 0);
});

// --- options ------------------------------------------------------------------------------------

test('the options of a server and of limits reach it', async () => {
  const seen = [];
  const fake = createHttpServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => { body += text; });
    request.on('end', () => {
      seen.push({ url: new URL(request.url, 'http://x'), headers: request.headers });
      if (body.startsWith('SELECT version()')) {
        response.end('26.7.3.1\t0\t1\n');
      } else {
        response.writeHead(500, { 'X-ClickHouse-Exception-Code': '241' });
        response.end('Code: 241. DB::Exception: memory');
      }
    });
  });
  fake.listen(0, '127.0.0.1');
  await once(fake, 'listening');
  fake.unref();
  const child = spawn(binary, ['call', 'list_sources', '--clickhouse-host', '127.0.0.1',
    '--clickhouse-port', String(fake.address().port), '--clickhouse-secure', 'false',
    '--clickhouse-proxy-path', '/ch', '--clickhouse-role', 'analyst',
    '--clickhouse-password', 'pw', '--query-seconds', '40', '--memory-mb', '123'],
  { env: { ...environment, CLICKHOUSE_SEND_RECEIVE_TIMEOUT: '7', CLICKHOUSE_USER: 'reader',
    CLICKHOUSE_DATABASE: 'otel' } });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
  const [code] = await once(child, 'close');
  fake.close();
  assert.equal(code, 1, errors);
  assert.equal(JSON.parse(errors.trim()).error.code, 'limit');
  const last = seen.at(-1);
  assert.equal(last.url.pathname, '/ch/');
  assert.equal(last.headers['x-clickhouse-user'], 'reader');
  assert.equal(last.headers['x-clickhouse-key'], 'pw');
  const expected = { database: 'otel', role: 'analyst', max_memory_usage: '123000000' };
  for (const [name, value] of Object.entries(expected))
    assert.equal(last.url.searchParams.get(name), value, name);
  assert.equal(Number(last.url.searchParams.get('max_execution_time')), 7);
});

test('a descriptor that is closed from the start is no crash', () => {
  const env = { ...environment, CLICKHOUSE_HOST: '127.0.0.1', CLICKHOUSE_SECURE: 'false',
    CLICKHOUSE_PORT: '1' }; // nobody listens there
  const tokens = ['--tokens', join(folder, 'none.json')];
  const run = (args, redirections) => spawnSync('/bin/sh',
    ['-c', `exec "$0" "$@" ${redirections}`, binary, ...args],
    { encoding: 'utf8', env, timeout: 60000 });
  for (const [args, code] of [[['call', 'list_sources'], 1], [['doctor'], 1], [['tools'], 0],
    [['token', 'list', ...tokens], 0], [['stdio'], 0]]) {
    const what = args.join(' ');
    const noInput = run(args, '<&-');
    assert.deepEqual([noInput.status, noInput.signal], [code, null], `${what}: ${noInput.stderr}`);
    const noOutput = run(args, '>&-');
    assert.deepEqual([noOutput.status, noOutput.signal], [1, null], `${what}: ${noOutput.stderr}`);
    assert.equal(noOutput.stderr, 'sextant: standard output cannot be used\n');
    const noErrors = run(args, '2>&-');
    assert.deepEqual([noErrors.status, noErrors.signal], [code, null], what);
    assert.equal(noErrors.stdout, noInput.stdout);
    assert.equal(run(args, '<&- >&- 2>&-').status, 1, what);
  }
});

test('a library that is not there: where it was looked for, and the ways out', (t) => {
  const bin = join(folder, 'elsewhere', 'bin');
  mkdirSync(bin, { recursive: true });
  copyFileSync(binary, join(bin, 'sextant'));
  const run = spawnSync(join(bin, 'sextant'), ['call', 'list_sources', '--data', join(folder, 'unmade')],
    { encoding: 'utf8', env: { ...environment, SEXTANT_LIBCHDB: '' }, timeout: 60000 });
  if (run.status === 0) return t.skip('the system has a libchdb.so');
  const { message } = JSON.parse(run.stderr.trim().split('\n').at(-1)).error;
  for (const words of [`${bin}/libchdb.so`, `${bin}/../lib/libchdb.so`, 'node_modules/@chdb/lib-',
    '--libchdb PATH', 'SEXTANT_LIBCHDB', '-Dlibchdb=PATH', './dev setup'])
    assert.ok(message.includes(words), `${words}: ${message}`);
  const named = callError(['list_sources', '--libchdb', '/nonexistent/x.so', '--data', join(folder, 'unmade')]);
  assert.match(named.message, /\/nonexistent\/x\.so cannot be loaded; fetch it with/);
});

test('a store that others can look into: new files are private, and doctor warns', (t) => {
  if (skipWithoutEngine(t)) return;
  const open = join(folder, 'open');
  mkdirSync(open);
  chmodSync(open, 0o755);
  const doctor = () => JSON.parse(sextant(['doctor', '--json', '--data', open]).stdout).checks;
  assert.equal(doctor().find((c) => c.status === 'warn' && c.check === 'store'), undefined);
  assert.equal(statSync(open).mode & 0o777, 0o700);
  chmodSync(open, 0o755);
  const warning = doctor().find((c) => c.status === 'warn' && c.check === 'store');
  assert.equal(warning.fix, `chmod 700 ${open}`);
  const log = join(folder, 'two.csv');
  writeFileSync(log, 'when,what,who\n2026-01-01T00:00:00Z,a,u\n2026-01-02T00:00:00Z,b,u\n');
  const run = sextant(['import', log, '--source', 'two', '--time', 'when', '--event', 'what',
    '--actor', 'who', '--data', open]);
  assert.equal(run.status, 0, run.stderr);
  for (const name of readdirSync(open, { recursive: true })) {
    const found = lstatSync(join(open, name));
    if (found.isFile()) assert.equal(found.mode & 0o077, 0, `${name} ${found.mode.toString(8)}`);
  }
  chmodSync(open, 0o777);
  const refused = callError(['list_sources', '--data', open]);
  assert.equal(refused.code, 'unavailable');
  assert.match(refused.message, /other users can change the store .*run: chmod 700/);
});

// --- serve --------------------------------------------------------------------------------------

async function startServe(args, env) {
  const child = spawn(binary, ['serve', '--listen', '127.0.0.1:0', ...args],
    { env: { ...environment, ...env } });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => { errors += text; });
  await until(() => /"url":"[^"]+\/mcp"/.test(errors), () => errors);
  const [, url] = /"url":"([^"]+)\/mcp"/.exec(errors);
  return { child, url, errors: () => errors, exit: once(child, 'close') };
}

test('serve listens on the loopback alone', () => {
  for (const listen of ['0.0.0.0:0', '192.0.2.1:80', '[::]:0']) {
    const run = sextant(['serve', '--listen', listen]);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /"field":"http\.listen"/);
    assert.match(run.stderr, /only 127\.0\.0\.1, ::1 and localhost are allowed/);
  }
  for (const listen of ['x:y', '127.0.0.1:70000', '127.0.0.1:'])
    assert.match(sextant(['serve', '--listen', listen]).stderr, /--listen: expected HOST:PORT/);
  for (const listen of ['::', '[::]', '2001:db8::1'])
    assert.match(sextant(['serve', '--listen', listen]).stderr, /only 127\.0\.0\.1, ::1 and loc/);
});

test('serve is healthy at once, ready only with its engine, and gone within a second', async () => {
  const { server, env } = await silentServer();
  const served = await startServe([], env);
  assert.equal((await fetch(`${served.url}/healthz`)).status, 200);
  const ready = await fetch(`${served.url}/readyz`);
  assert.equal(ready.status, 503);
  assert.match((await ready.json()).reason, /\w/);
  const started = performance.now();
  served.child.kill('SIGTERM');
  const [code, by] = await served.exit;
  assert.equal(code, 0, `${by} ${served.errors()}`);
  assert.ok(performance.now() - started < WITHIN_MS);
  server.close();
});

test('serve offers what the address chooses', async () => {
  const { server, env } = await silentServer();
  const served = await startServe(['--toolsets', 'list_events,list_sources'], env);
  const ask = async (query, method, params) => {
    const response = await fetch(`${served.url}/mcp${query}`, { method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }) });
    return { status: response.status, ...await response.json() };
  };
  const names = async (query) =>
    (await ask(query, 'tools/list')).result.tools.map((tool) => tool.name).join();
  assert.equal(await names(''), 'list_events,list_sources');
  assert.equal(await names('?x=1&y'), 'list_events,list_sources');
  assert.equal(await names('?toolsets='), 'list_events,list_sources');
  assert.equal(await names('?toolsets=run_funnel'), 'run_funnel');
  assert.equal(await names('?a=b&toolsets=run_funnel%2C+open_session&c=d'),
    'open_session,run_funnel');
  assert.equal((await names('?toolsets=all')).split(',').length,
    sextant(['tools']).stdout.split('\n\n')[0].split('\n').length);
  const call = { name: 'run_funnel', arguments: { stepz: 1 } };
  assert.equal((await ask('', 'tools/call', call)).error.code, -32602);
  assert.equal((await ask('?toolsets=run_funnel', 'tools/call', call)).result.isError, true);
  for (const [query, words] of [['?toolsets=cores', 'did you mean core?'],
    ['?toolsets=core,', null], ['?toolsets=%zz', 'malformed'], ['?toolsets=a%', 'malformed'],
    ['?toolsets=,', 'at least one name'],
    ['?toolsets=%00', 'malformed'], [`?toolsets=${'a,'.repeat(600)}`, 'too long']]) {
    const answer = await ask(query, 'tools/list');
    assert.equal(answer.status, words === null ? 200 : 400, query);
    if (words !== null) assert.ok(answer.error.message.includes(words), answer.error.message);
  }
  served.child.kill('SIGTERM');
  assert.deepEqual(await served.exit, [0, null]);
  server.close();
});

test('serve lets the hosts and origins through that it is told', async () => {
  const { server, env } = await silentServer();
  const served = await startServe(['--allowed-hosts', 'a.example.com, b.example.com'],
    { ...env, SEXTANT_ALLOWED_ORIGINS: 'https://app.example.com' });
  const ask = async (headers) => {
    const request = httpRequest(`${served.url}/mcp`, { method: 'OPTIONS', headers });
    request.end();
    const [response] = await once(request, 'response');
    response.resume();
    return response.statusCode;
  };
  assert.equal(await ask({ host: 'a.example.com' }), 204);
  assert.equal(await ask({ host: 'b.example.com:8080' }), 204);
  assert.equal(await ask({ host: 'c.example.com' }), 403);
  assert.equal(await ask({ origin: 'https://app.example.com' }), 204);
  assert.equal(await ask({ origin: 'https://a.example.com' }), 403);
  served.child.kill('SIGTERM');
  await served.exit;
  server.close();
});

test('serve becomes ready and answers a call over HTTP', async (t) => {
  if (!withLog(t)) return;
  const served = await startServe(['--data', store]);
  await until(async () => (await fetch(`${served.url}/readyz`)).status === 200, served.errors);
  const response = await fetch(`${served.url}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'list_events' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: {
      name: 'list_events', arguments: {}, _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
        'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      } } }),
  });
  assert.equal(response.status, 200);
  const answer = await response.json();
  assert.equal(answer.result.structuredContent.events.length, 3);
  served.child.kill('SIGINT');
  assert.deepEqual(await served.exit, [130, null]);
});
