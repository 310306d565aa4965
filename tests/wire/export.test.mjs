// Logs as files: what an export holds, that an import of it gives the same figures, that it honours
// what selects cases, and that names which mean harm stay names.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';

import { spawn } from '../children.mjs';
import { DATA, SEXTANT, Store } from './import_tools.mjs';

const store = new Store();
after(() => store.remove());

let count = 0;
function load(file, ...args) {
  const source = `e${++count}`;
  store.import([file, '--source', source, ...args]);
  return source;
}
const logOf = (name) => path.join(DATA, 'logs', `${name}.csv.gz`);

// {code, out, err} of sextant export.
function run(args, ...flags) {
  const { status: code, stdout: out, stderr: err } = spawnSync(SEXTANT, ['export', JSON.stringify(args), '--data', store.data, ...flags],
    { encoding: 'utf8', maxBuffer: 1 << 28 });
  return { code, out, err };
}

function exported(args, format) {
  const file = path.join(store.root, `out${++count}.${format}`);
  const { code, out, err } = run(args, '--output', file);
  assert.deepEqual([code, out], [0, ''], err);
  assert.match(err, /^[0-9,]+ events? of [0-9,]+ cases? written to /);
  return file;
}

// Answers of a server to requests, one after the other.
async function ask(requests) {
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
  const server = spawn(SEXTANT, ['stdio', '--data', store.data, '--toolsets', 'all'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  const answers = [];
  for (const [id, [method, params]] of requests.entries()) {
    server.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta } })}\n`);
    let answer;
    do answer = JSON.parse((await lines.next()).value); while (answer.id !== id);
    answers.push(answer.result ?? { error: answer.error });
  }
  server.stdin.end();
  await once(server, 'exit');
  return answers;
}
const call = async (name, args) => (await ask([['tools/call', { name, arguments: args }]]))[0];
const uriOf = (format, args) => `sextant://log/${format}/${encodeURIComponent(JSON.stringify(args))}`;
const read = async (...uris) => (await ask(uris.map((uri) => ['resources/read', { uri }]))).map((r) => r.error ?? r.contents[0]);

// All that tools say of the cases of a source, without what is free: which case is the example.
function figures(args) {
  const pages = [];
  for (let cursor; pages.length === 0 || cursor; ) {
    const page = JSON.parse(store.call('process_variants', { ...args, limit: 1000, ...(cursor ? { cursor } : {}) }));
    ({ cursor } = page);
    pages.push(...page.variants.map(({ example_case: _, ...v }) => v));
  }
  const { meta: _, mermaid: __, ...map } = JSON.parse(store.call('process_map', args));
  return { pages, map };
}

const FILTERED = [
  ['sepsis', [], { filters: [{ field: 'event', value: 'IV Antibiotics' }], from: '2014-01-01', to: '2014-09-30', tz: 'Europe/Berlin' }],
  ['interval_event_log', [], { segment: { did: ['send reminder'], did_not: ['cancel order'] } }],
  ['bpic2013_closed', [], {}],
];

for (const [name, flags, selection] of FILTERED)
  test(`${name}: an import of the export gives the same figures`, { skip: !existsSync(logOf(name)), timeout: 300000 }, () => {
    const source = load(logOf(name), ...flags);
    const wanted = figures({ source, ...selection });
    assert.ok(wanted.pages.length > 3);
    const columns = ['--time', 'time:timestamp', '--event', 'concept:name', '--case', 'case:concept:name'];
    const back = { xes: load(exported({ source, ...selection }, 'xes')), csv: load(exported({ source, ...selection }, 'csv'), ...columns) };
    for (const [format, again] of Object.entries(back))
      assert.deepEqual(figures({ source: again }), wanted, format);
    // Not the figures alone: every event with all that is known of it.
    const known = (of) => store.query(`SELECT case_id, toString(time) AS at, event, resource, toString(start_time) AS start, arraySort(arrayZip(mapKeys(properties), mapValues(properties))) AS p FROM sextant.\`${of}\` ORDER BY ALL`)
      .map((row) => JSON.stringify(row));
    const all = new Set(known(source));
    const rows = known(back.csv);
    assert.ok(rows.length > 100 && rows.every((row) => all.has(row)), rows.find((row) => !all.has(row)));
    assert.deepEqual(known(back.xes), rows);
  });

// --- what is in a file --------------------------------------------------------------------------

const SMALL = `time,event,user,session,order,staff,n,amount,flag,due,note,case:size,actor.plan,actor_
2026-01-05T10:00:00Z,start,u1,s1,o1,clerk 1,1,1.50,true,2026-02-01T00:00:00Z,007,5,pro,x
2026-01-05T11:00:00.123456Z,end,u1,s1,o1,,2,20,false,2026-02-02T00:00:00+01:00,8,5,pro,
2026-01-06T10:00:00Z,start,u2,,o2,clerk 2,3,x,,,,6,,
2026-01-06T10:00:00Z,end,u2,,o2,clerk 1,,,,,,7,,
2026-01-06T12:00:00Z,start,u3,,,clerk 1,,,,,,7,,
`;
const small = () => load(store.file('small.csv', SMALL), '--case', 'order', '--resource', 'staff');

test('XES: extensions, globals, classifier, types, what all events of a case share', async () => {
  const [{ text, mimeType }] = await read(uriOf('xes', { source: small() }));
  assert.equal(mimeType, 'application/xml');
  const head = text.slice(0, text.indexOf('<trace>'));
  for (const name of ['concept', 'time', 'org', 'lifecycle'])
    assert.match(head, new RegExp(`<extension name="[A-Z][a-z]+" prefix="${name}" uri="http://www.xes-standard.org/${name}.xesext"/>`));
  assert.match(head, /<log xes.version="1.0" xes.features="" xmlns="http:\/\/www.xes-standard.org\/">/);
  assert.match(head, /<global scope="trace">\s*<string key="concept:name" value="__INVALID__"\/>\s*<\/global>/);
  assert.match(head, /<global scope="event">\s*<string key="concept:name" .*\s*<date key="time:timestamp" /);
  assert.match(head, /<classifier name="Activity" keys="concept:name"\/>/);
  const squeezed = text.slice(text.indexOf('<trace>')).replaceAll(/\n\s*/g, '');
  assert.equal(squeezed, '<trace><string key="concept:name" value="o1"/><int key="size" value="5"/>'
    + '<event><string key="concept:name" value="start"/><date key="time:timestamp" value="2026-01-05T10:00:00Z"/><string key="actor" value="u1"/><string key="actor.plan" value="pro"/><string key="actor_" value="x"/>'
    + '<string key="amount" value="1.50"/><date key="due" value="2026-02-01T00:00:00Z"/><boolean key="flag" value="true"/><int key="n" value="1"/><string key="note" value="007"/>'
    + '<string key="org:resource" value="clerk 1"/><string key="session" value="s1"/></event>'
    + '<event><string key="concept:name" value="end"/><date key="time:timestamp" value="2026-01-05T11:00:00.123456Z"/><string key="actor" value="u1"/><string key="actor.plan" value="pro"/>'
    + '<string key="amount" value="20"/><date key="due" value="2026-02-02T00:00:00+01:00"/><boolean key="flag" value="false"/><int key="n" value="2"/><string key="note" value="8"/>'
    + '<string key="session" value="s1"/></event></trace>'
    + '<trace><string key="concept:name" value="o2"/>'
    + '<event><string key="concept:name" value="start"/><date key="time:timestamp" value="2026-01-06T10:00:00Z"/><string key="actor" value="u2"/><string key="amount" value="x"/><int key="case:size" value="6"/><int key="n" value="3"/><string key="org:resource" value="clerk 2"/></event>'
    + '<event><string key="concept:name" value="end"/><date key="time:timestamp" value="2026-01-06T10:00:00Z"/><string key="actor" value="u2"/><int key="case:size" value="7"/><string key="org:resource" value="clerk 1"/></event></trace></log>');
});

test('CSV has a column for each property', async () => {
  const [{ text, mimeType }] = await read(uriOf('csv', { source: small(), tz: 'Asia/Kathmandu', filters: [{ field: 'n', op: 'eq', value: '1' }] }));
  assert.equal(mimeType, 'text/csv');
  assert.deepEqual(text.split('\n'), [
    'case:concept:name,concept:name,time:timestamp,actor,actor.plan,actor_,amount,case:size,due,flag,n,note,org:resource,session',
    'o1,start,2026-01-05T15:45:00+05:45,u1,pro,x,1.50,5,2026-02-01T00:00:00Z,true,1,007,clerk 1,s1',
    'o1,end,2026-01-05T16:45:00.123456+05:45,u1,pro,,20,5,2026-02-02T00:00:00+01:00,false,2,8,,s1', '']);
});

test('a property that is called like what every log has keeps a name of its own', async () => {
  const source = load(store.file('names.csv', 'when,what,who,which,session,concept:name,org:resource\n2026-01-05T10:00:00Z,a,u,c,v,w,x\n'),
    '--time', 'when', '--event', 'what', '--actor', 'who', '--case', 'which', '--session', 'who', '--resource', 'what');
  const [{ text }] = await read(uriOf('csv', { source }));
  assert.deepEqual(text.split('\n').slice(0, 2), ['case:concept:name,concept:name,time:timestamp,actor,event.concept:name,event.org:resource,event.session,org:resource,session',
    'c,a,2026-01-05T10:00:00Z,u,w,x,v,a,u']);
});

test('names that mean harm come back as they were, but for what XML cannot hold', async () => {
  const nasty = ['<b>&amp;"\'</event></trace>', ']]>', '=cmd|"x"!A1', 'a,b\n"c"\r\nd', ' edges ', '\ttab', 'é 漢 \u{1f600} \u202e', '</log><!DOCTYPE x [<!ENTITY y "z">]>&y;', 'a,', '"'];
  const controls = 'bell \u0007 and \u001b[31m, \ufffe';
  const rows = [...nasty, controls].map((name, i) => ({ at: `2026-01-05T10:00:${10 + i}Z`, event: name, order: `${name}${i}`, [`key ${name}`]: name }));
  const source = load(store.file('nasty.jsonl', rows.map((r) => JSON.stringify(r)).join('\n')), '--time', 'at', '--event', 'event', '--case', 'order');
  const told = (of) => store.events(of).map((r) => [r.event, r.case_id, r.properties]).sort();
  const before = told(source);
  assert.equal(before.length, rows.length);
  const csv = load(exported({ source }, 'csv'), '--time', 'time:timestamp', '--event', 'concept:name', '--case', 'case:concept:name');
  assert.deepEqual(told(csv), before);
  const replaced = JSON.parse(JSON.stringify(before).replaceAll(/\\u0007|\\u001b|\ufffe/g, '\ufffd'));
  assert.deepEqual(told(load(exported({ source }, 'xes'))), replaced);
});

test('bytes that are no UTF-8 come out as characters', async () => {
  const source = load(store.file('bytes.csv', 'at,event,order\n2026-01-05T10:00:00Z,a,o1\n'), '--time', 'at', '--event', 'event', '--case', 'order');
  store.query(`INSERT INTO sextant.\`${source}\` SELECT time, unhex('63FFC328') AS event, actor, session, case_id, actor_number, session_number, case_number, resource, start_time, 2 AS seq, map('k', unhex('FE')) AS properties, actor_properties FROM sextant.\`${source}\``);
  const [xes, csv] = await read(uriOf('xes', { source }), uriOf('csv', { source }));
  for (const { text } of [xes, csv]) assert.match(text, /c\ufffd+\(/);
});

// --- links and parts ----------------------------------------------------------------------------

test('process tools link to the log of what they were asked', async () => {
  const source = small();
  const args = { source, case: 'order', from: '2026-01-05', to: '2026-01-05', filters: [{ field: 'event', value: 'end' }] };
  for (const [tool, more] of [['process_variants', { limit: 1 }], ['process_map', {}], ['conformance_check', { sequence: ['start', 'end'] }]]) {
    const { content } = await call(tool, { ...args, ...more });
    const links = content.filter((c) => c.type === 'resource_link');
    assert.deepEqual(links.map((l) => [l.name, l.mimeType]), [['log.csv', 'text/csv'], ['log.xes', 'application/xml']], tool);
    const [csv, xes] = await read(...links.map((l) => l.uri));
    assert.deepEqual(csv.text.split('\n').map((line) => line.slice(0, 9)), ['case:conc', 'o1,start,', 'o1,end,20', '']);
    assert.equal(xes.text.match(/<event>/g).length, 2);
  }
  const none = await call('process_variants', { source, filters: [{ field: 'n', value: '99' }] });
  assert.equal(none.content.length, 1);
});

const LONG = Array.from({ length: 30000 }, (_, i) => `2026-01-05T10:00:00Z,step ${i % 7},c${Math.floor(i / 10)},${'x'.repeat(90)}${i}`);

test('a log that is too long comes in parts, each a log with whole cases', { timeout: 120000 }, async () => {
  const source = load(store.file('long.csv', `at,event,order,text\n${LONG.join('\n')}\n`), '--time', 'at', '--event', 'event', '--case', 'order');
  const uri = uriOf('xes', { source });
  const [whole] = await read(uri);
  const [, parts] = whole.message.match(/30,000 events and about \d+\.\d MB, more than the 2\.5 MB .* in (\d+) parts, .*\/1-of-\d+ to /);
  const read_ = await read(...Array.from({ length: Number(parts) }, (_, i) => `${uri}/${i + 1}-of-${parts}`));
  const seen = new Map();
  for (const { text } of read_) {
    assert.ok(text.length < 6e6 && text.startsWith('<?xml') && text.endsWith('</log>\n'));
    for (const [, name, rest] of text.matchAll(/<trace>\s*<string key="concept:name" value="(c\d+)"\/>(.*?)<\/trace>/gs)) {
      assert.ok(!seen.has(name));
      seen.set(name, rest.match(/<event>/g).length);
    }
  }
  assert.equal(seen.size, 3000);
  assert.ok([...seen.values()].every((n) => n === 10));
  const [first, bad, none, few] = await read(`${uri}/1-of-1`, `${uri}/0-of-3`, `${uri}/x`, `${uriOf('csv', { source })}/2-of-200`);
  assert.match(first.message, /this part has about .* ask for more parts/);
  for (const { message } of [bad, none]) assert.match(message, /like 2-of-5/);
  assert.match(few.text, /^case:concept:name,/);
  // One file of all, whatever its length.
  const file = readFileSync(exported({ source }, 'csv'), 'utf8').split('\n');
  assert.equal(file.length, 30002);
  assert.deepEqual(file.slice(1, -1).map((line) => line.split(',')[3]).sort(), LONG.map((line) => line.split(',')[3]).sort());
});

test('what is wrong is said, and nothing is left behind', async () => {
  const source = small();
  const [format, member, object, other] = await read(uriOf('xlsx', { source }), uriOf('csv', { source, limit: 3 }), 'sextant://log/csv/claims', uriOf('csv', { source, case: 'ordre' }));
  assert.match(format.message, /csv, xes/);
  assert.match(member.message, /no argument 'limit' here; these are: source, case/);
  assert.match(object.message, /expected an object like/);
  assert.match(other.message, /did you mean 'order'/);
  const file = path.join(store.root, 'never.xes');
  const { code, err } = run({ source, case: 'ordre' }, '--output', file);
  assert.deepEqual([code, existsSync(file)], [1, false]);
  assert.match(err, /did you mean 'order'/);
  const there = store.file('there.xes', 'mine');
  assert.match(run({ source }, '--output', there).err, /File exists/);
  assert.equal(readFileSync(there, 'utf8'), 'mine');
  assert.equal(run({ source }, '--format', 'parquet').code, 2);
  assert.match(run({ source, from: '2030-01-01' }).err, /the period is empty/);
  assert.match(run({ source, filters: [{ field: 'n', value: '99' }] }, '--format', 'csv').out, /^case:concept:name,concept:name,time:timestamp\n$/);
});
