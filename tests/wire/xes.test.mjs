// sextant import of XES: the rows that come of it, the same figures as from CSV, and files that
// are damaged or mean harm.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { DATA, Store } from './import_tools.mjs';

const store = new Store();
after(() => store.remove());

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
  .replaceAll('\n', '&#10;').replaceAll('\r', '&#13;').replaceAll('\t', '&#9;');
const attribute = (key, value, type = 'string') => `<${type} key="${escape(key)}" value="${escape(value)}"/>`;
const event = (name, time, more = '') => `<event>${attribute('concept:name', name)}${attribute('time:timestamp', time, 'date')}${more}</event>`;
const trace = (name, ...events) => `<trace>\n${attribute('concept:name', name)}\n${events.join('\n')}\n</trace>\n`;
const log = (...traces) => `<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="1.0">\n${traces.join('')}</log>\n`;
const AT = '2024-03-02T10:00:00Z';

let count = 0;
function load(name, content, ...args) {
  const source = `x${++count}`;
  const report = store.import([store.file(name, content), '--source', source, ...args]);
  return { report, source, rows: () => store.events(source) };
}

// What a tool says about a source: figures, without the source's name and what it took.
function call(tool, args) {
  const { meta, ...figures } = JSON.parse(store.call(tool, args).replaceAll(args.source, 'SOURCE'));
  return { ...figures, period: meta.period };
}

// --- rows -------------------------------------------------------------------------------------

const TYPICAL = `<?xml version="1.0" encoding="UTF-8" ?>
<!-- as OpenXES and pm4py write it -->
<log xes.version="1849.2016" xes.features="nested-attributes" xmlns="http://www.xes-standard.org/">
	<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>
	<global scope="event"><string key="concept:name" value="__INVALID__"/></global>
	<classifier name="Event Name" keys="concept:name"/>
	<string key="concept:name" value="orders"/>
	<trace>
		<string key="concept:name" value="order 1"/>
		<float key="amount" value="12.50"><string key="currency" value="EUR"/></float>
		<event>
			<string key="concept:name" value="pay &amp; go"/>
			<string key="org:resource" value="Ann"/>
			<date key="time:timestamp" value="2024-03-02T11:00:00.123+01:00"/>
			<string key="lifecycle:transition" value="complete"/>
			<string key="activity" value="not the name"/>
			<int key="items" value="007"/>
			<list key="tags"><values><string key="tag" value="new"/><string key="tag" value="big"/></values></list>
		</event>
		<event>
			<string key="concept:name" value="ship"/>
			<date key="time:timestamp" value="2024-03-02T12:00:00"/>
		</event>
	</trace>
	<trace><event><string key="concept:name" value="ship"/><date key="time:timestamp" value="2024-03-02T12:00:00Z"/></event></trace>
</log>
`;

test('time, event, case and resource are known; the rest are properties', () => {
  const { report, rows, source } = load('typical.xes', TYPICAL);
  assert.deepEqual([report.files[0].format, report.rows_imported, report.rows_rejected, report.cases], ['xes', 3, 0, 2]);
  assert.deepEqual(Object.fromEntries(report.mapping.map((m) => [m.role, m.column ?? m.value])), {
    time: 'time:timestamp', event: 'concept:name', actor: 'all', case: 'case:concept:name', resource: 'org:resource' });
  const order = { 'case:amount': '12.50', 'case:amount.currency': 'EUR' };
  assert.deepEqual(rows().map((r) => [r.time, r.event, r.case_id, r.resource, r.properties]), [
    ['2024-03-02 10:00:00.123000', 'pay & go', 'order 1', 'Ann', { ...order, 'lifecycle:transition': 'complete',
      activity: 'not the name', items: '007', tags: '[{"tag":"new"},{"tag":"big"}]' }],
    ['2024-03-02 12:00:00.000000', 'ship', 'order 1', '', order], ['2024-03-02 12:00:00.000000', 'ship', 'trace 2', '', {}]]);
  const described = call('describe_source', { source });
  assert.match(JSON.stringify(described), /case:concept:name/);
});

test('options win over what XES means', () => {
  const { rows } = load('options.xes', TYPICAL, '--event', 'activity', '--actor', 'org:resource', '--case', 'case:amount',
    '--tz', 'Europe/Berlin', '--event-name', 'none');
  assert.deepEqual(rows().map((r) => [r.time.slice(11, 19), r.event, r.actor, r.case_id, r.properties['concept:name'] ?? null]), [
    ['10:00:00', 'not the name', 'Ann', '12.50', 'pay & go'], ['11:00:00', 'none', '', '12.50', 'ship'], ['12:00:00', 'none', '', '', 'ship']]);
});

test('by name, by content or by --format; compressed, in UTF-16, through a pipe', () => {
  const plain = load('plain.xes', TYPICAL).rows();
  const unnamed = load('plain.data', TYPICAL);
  assert.equal(unnamed.report.files[0].format, 'xes');
  const gzip = load('packed.xes.gz', gzipSync(TYPICAL));
  assert.equal(gzip.report.files[0].compression, 'gzip');
  const members = Buffer.concat([gzipSync(TYPICAL.slice(0, 300)), gzipSync(TYPICAL.slice(300))]);
  for (const rows of [unnamed.rows(), gzip.rows(), load('two.xes.gz', members).rows(), load('named.gz', gzipSync(TYPICAL)).rows(),
    load('told.gz', gzipSync(TYPICAL), '--format', 'xes').rows(),
    load('wide.xes', Buffer.from(`\ufeff${TYPICAL.replace('UTF-8', 'UTF-16')}`, 'utf16le')).rows()])
    assert.deepEqual(rows, plain);
  store.import(['-', '--source', 'piped'], { input: TYPICAL });
  assert.deepEqual(store.events('piped'), plain);
  const zstd = spawnSync('zstd', ['-c'], { input: TYPICAL });
  if (!zstd.error && zstd.status === 0)
    assert.deepEqual(load('packed.xes.zst', zstd.stdout).rows(), plain);
});

test('XES and CSV are one source together', () => {
  const csv = store.file('more.csv', `case:concept:name,concept:name,time:timestamp,org:resource,v\norder 1,ship,${AT},Bob,1\n`);
  store.import([store.file('first.xes', TYPICAL), csv, '--source', 'both']);
  assert.deepEqual(store.events('both').slice(-1).map((r) => [r.seq, r.case_id, r.event, r.resource, r.properties]),
    [[3, 'order 1', 'ship', 'Bob', { v: '1' }]]);
});

test('rejected events are told with their lines, the others are imported', () => {
  const rejects = path.join(store.root, 'rejects.jsonl');
  const { report, rows } = load('bad.xes', log(trace('c', event('a', AT), event('b', 'yesterday'), event('c', '3024-01-01T00:00:00Z'), // 5 6 7
    '<event/>', `<event>${attribute('time:timestamp', AT, 'date')}\n</event>`, event('d', AT, attribute('x', '1') + attribute('x', '2')), // 8 9-10 11
    event('e', AT, '<string value="1"/>')), event('f', AT)), '--rejects', rejects); // 12, behind the trace 14
  assert.deepEqual(report.rejected.map((r) => [r.line, r.last_line ?? r.line, r.reason]), [
    [6, 6, "time 'yesterday' is in no known form"], [7, 7, "time '3024-01-01T00:00:00Z' is outside 1900 to 2299"], [8, 8, 'no time'],
    [9, 10, 'no event name (--event-name gives such rows one)'], [11, 11, "two values for 'x'"], [12, 12, 'an attribute without a key'],
    [14, 14, 'an event outside a trace']]);
  assert.deepEqual(rows().map((r) => r.event), ['a']);
  const written = readFileSync(rejects, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(JSON.parse(written[0].text), { 'case:concept:name': 'c', 'concept:name': 'b', 'time:timestamp': 'yesterday' });
});

// --- the same figures as from CSV -------------------------------------------------------------

const KEYS = { lifecycle_transition: 'lifecycle:transition', org_group: 'org:group' };

// The events of a source as XES.
function toXes(events) {
  const iso = (time) => `${time.replace(' ', 'T')}+00:00`;
  const traces = new Map();
  for (const e of events) {
    if (!traces.has(e.case_id)) traces.set(e.case_id, []);
    let more = e.resource !== '' ? attribute('org:resource', e.resource) : '';
    if (e.start_time !== null) more += attribute('start_timestamp', iso(e.start_time), 'date');
    for (const [key, value] of Object.entries(e.properties)) more += attribute(KEYS[key] ?? key, value);
    traces.get(e.case_id).push(event(e.event, iso(e.time), more));
  }
  return log(...[...traces].map(([name, list]) => trace(name, ...list)));
}

// By case, time and import order, as every process tool reads them.
function inCases(events) {
  const rows = events.map((e) => [e.case_id, e.time, e.event, e.resource, e.start_time,
    Object.entries(e.properties).map(([key, value]) => [KEYS[key] ?? key, value]).sort()]);
  return rows.map((row, i) => ({ row, i })).sort((a, b) => (a.row[0] < b.row[0] ? -1 : a.row[0] > b.row[0] ? 1
    : a.row[1] < b.row[1] ? -1 : a.row[1] > b.row[1] ? 1 : a.i - b.i)).map(({ row }) => row);
}

for (const name of ['running_example', 'repair_example', 'reviewing', 'interval_event_log', 'sepsis', 'bpic2013_closed', 'roadtraffic100']) {
  test(`${name} as XES: the same events and figures as from CSV`, { timeout: 300000 }, (t) => {
    const file = path.join(DATA, 'logs', `${name}.csv.gz`);
    if (!existsSync(file)) {
      t.skip(`no test data in ${DATA}`);
      return;
    }
    const csv = `${name}_csv`, xes = `${name}_xes`;
    const report = store.import([file, '--source', csv]);
    const events = store.events(csv).map((e) => { delete e.properties.event_index; return e; });
    const again = store.import([store.file(`${name}.xes.gz`, gzipSync(toXes(events))), '--source', xes]);
    for (const key of ['rows_imported', 'events', 'cases', 'from', 'to'])
      assert.equal(again[key], report[key], key);
    assert.deepEqual(inCases(store.events(xes)), inCases(events));
    const first = events.filter((e) => e.case_id === events[0].case_id).map((e) => e.event).slice(0, 5);
    for (const [tool, args] of [['list_events', {}], ...['alignment', 'directly_follows']
      .map((match) => ['conformance_check', { sequence: first, match }])]) {
      const figures = [csv, xes].map((source) => call(tool, { source, ...args }));
      assert.ok((figures[0].cases ?? figures[0].events.length) > 0, tool);
      assert.deepEqual(figures[1], figures[0], `${tool} ${JSON.stringify(args)}`);
    }
  });
}

// --- damage and malice ------------------------------------------------------------------------

test('what cannot be read says where and why, and changes nothing', () => {
  const good = log(trace('c', event('old', AT), event('b', AT)));
  const file = store.file('damage.xes', good);
  store.import([file, '--source', 'damage']);
  const inEvent = (xml) => log(trace('c', event('a', AT), event('b', AT, xml)));
  for (const [content, pattern] of [
    ['<?xml version="1.0"?>\n<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]>\n<log>&b;</log>', /line 2: .*DOCTYPE/],
    [`<?xml version="1.0"?>\n<!DOCTYPE log SYSTEM "file:///etc/passwd">\n${log()}`, /line 2: .*DOCTYPE.* take it out/],
    [Buffer.from(`\ufeff<?xml version="1.0" encoding="UTF-16"?>\n<!DOCTYPE log [<!ENTITY % a SYSTEM "http://127.0.0.1/x">%a;]>\n${log().replace(/^.*\n/, '')}`, 'utf16le'), /line 2: .*DOCTYPE/],
    [inEvent('&secret;'), /line 6: .*undefined entity/],
    [inEvent('<string key="a" value="b">'.repeat(100000) + '</string>'.repeat(100000)), /line 6: .*nested deeper than 64/],
    [inEvent('\u0000'), /line 6: a NUL byte/],
    [inEvent('<string key="a" value="&#0;"/>'), /line 6: .*invalid character/],
    [Buffer.from(inEvent(attribute('a', 'é')), 'latin1'), /line 6: .*encoding of the file/],
    [good.replace('UTF-8', 'EBCDIC'), /line 1: unknown encoding/],
    [inEvent('<string key="a" key="b" value="c"/>'), /line 6: .*duplicate attribute/],
    [inEvent('<event/>'), /line 6: a <event> where/],
    [log(trace('c', event('a', AT), attribute('x', 'y'))), /line 6: an attribute of the trace after its events/],
    [good.slice(0, -30), /cut off/],
    [good.slice(0, 120), /cut off/],
    [log(), /a log without events/],
    [log(trace('c')), /a log without events/],
    [log(event('a', AT)), /not one of 1 rows.*line 3: an event outside a trace/],
    [log('<trace><event/></trace>'), /no column of .* is obviously the time/],
    ['<?xml version="1.0"?>\n<html><body/></html>', /line 2: no XES: its outermost element is <html>/],
    ['time,event\n1,2\n', /line 1: /],
    [log(trace('c', '<event/>').replace('value="c"', `value="${'x'.repeat(1 << 20)}"`)), /attributes of the trace are longer than 1 MB/],
  ]) {
    store.file('damage.xes', content);
    const error = store.fail([file, '--source', 'damage']);
    assert.equal(error.code, 'bad_argument');
    assert.match(error.message, pattern);
  }
  assert.deepEqual(store.events('damage').map((r) => r.event), ['old', 'b']);
});

test('damage behind a good beginning, and gzip that is cut off, keep the old data', () => {
  const traces = Array.from({ length: 20000 }, (_, i) => trace(`c${i}`, event('new', AT, attribute('v', `${Math.random()}`))));
  const file = store.file('late.xes', log(trace('c', event('old', AT))));
  store.import([file, '--source', 'late']);
  const text = log(...traces), lines = text.split('\n').length;
  store.file('late.xes', text.replace('</log>', '</trace></log>'));
  assert.match(store.fail([file, '--source', 'late']).message, new RegExp(`late.xes line ${lines - 1}: .*mismatched tag`));
  const packed = gzipSync(text);
  const cut = store.file('late.xes.gz', packed.subarray(0, packed.length - 20));
  assert.match(store.fail([cut, '--source', 'late']).message, /late.xes.gz cannot be read as gzip: it is damaged or cut off/);
  store.file('late.xes.gz', gzipSync(text.slice(0, -1000)));
  assert.match(store.fail([cut, '--source', 'late']).message, /the XML ends too early: the file is cut off/);
  assert.deepEqual(store.events('late').map((r) => r.event), ['old']);
});

test('an attribute that does not end is refused while it arrives', { timeout: 120000 }, async () => {
  const child = store.start(['-', '--source', 'endless', '--format', 'xes']);
  let out = '', sent = 0;
  child.stderr.on('data', (data) => { out += data; });
  child.stdin.on('error', () => {}); // it stops reading
  child.stdin.write(log(trace('c', '@')).split('@')[0] + '<event><string key="a" value="');
  const piece = Buffer.alloc(1 << 20, 'x'), ended = once(child, 'close');
  const take = () => new Promise((resolve) => { child.stdin.write(piece, (error) => resolve(!error)); });
  while (sent < 1024 && await take()) sent += 1;
  const [code] = await ended;
  assert.equal(code, 1);
  assert.match(out, /line 5: a tag or comment is longer than 64 MB/);
  assert.ok(sent < 200, `${sent} MB of 1 GB were read`);
});

// The most memory that an import had, in MB, and its end.
async function peakOf(args) {
  const child = store.start(args);
  let peak = 0, out = '';
  child.stdout.on('data', (data) => { out += data; });
  child.stderr.on('data', (data) => { out += data; });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let isRunning = true;
  ended.then(() => { isRunning = false; });
  while (isRunning) {
    try {
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
    } catch { /* it has just ended */ }
    await sleep(20);
  }
  return { peak, code: await ended, out };
}

test('gzip that unpacks to much takes no memory for it', { timeout: 300000 }, async () => {
  const blanks = gzipSync(Buffer.alloc(32 << 20, ' '), { level: 1 });
  const [before, behind] = log(trace('c', event('a', AT), '@')).split('@').map((text) => gzipSync(text));
  const file = store.file('bomb.xes.gz', Buffer.concat([before, ...Array(24).fill(blanks), behind]));
  const { peak, code, out } = await peakOf([file, '--source', 'bomb']);
  assert.equal(code, 0, out);
  assert.ok(peak > 0 && peak < 600, `${peak} MB for 768 MB of blanks`);
  const [start] = log(trace('c', '<event><string key="a" value="@')).split('@').map((text) => gzipSync(text));
  const huge = store.file('huge.xes.gz', Buffer.concat([start, ...Array(32).fill(blanks)]));
  const refused = await peakOf([huge, '--source', 'bomb']);
  assert.equal(refused.code, 1);
  assert.match(refused.out, /line 5: a tag or comment is longer than 64 MB/);
  assert.ok(refused.peak < 900, `${refused.peak} MB for a tag of 1 GB`);
});
