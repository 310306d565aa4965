// sextant import of OCEL 2.0, as JSON and as an SQLite database: the rows that come of it, and files
// that are damaged or mean harm. The figures of whole logs are compared in tests/oracles.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { SEXTANT, Store } from './import_tools.mjs';

const store = new Store();
after(() => store.remove());

const AT = '2024-03-02T10:00:00Z';
const TYPES = { eventTypes: [{ name: 'pack', attributes: [{ name: 'weight', type: 'float' }] }], objectTypes: [{ name: 'order', attributes: [] }] };
const object = (id, type, more = {}) => ({ id, type, ...more });
const event = (id, type, time, ids = [], attributes = {}) => ({ id, type, time,
  attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })),
  relationships: ids.map((i) => (Array.isArray(i) ? { objectId: i[0], qualifier: i[1] } : { objectId: i })) });
const OBJECTS = [object('o1', 'order', { attributes: [{ name: 'price', time: AT, value: 1 }], relationships: [{ objectId: 'i1', qualifier: 'has' }] }),
  object('i1', 'item'), object('i2', 'item'), object('ü"x', "it's|odd")];
const EVENTS = [event('e1', 'place', AT, [['o1', 'order'], ['i2', 'b'], ['i1', 'a']], { who: 'Ann', total: 12.5, ok: true, gone: null }),
  event('e2', 'pack "now"', '2024-03-02T11:00:00+01:00', ['i1', ['ü"x', 'né\n']], { weight: 1e3 }),
  event('e3', 'wait', '2024-03-02 12:00:00')];
const log = (objects = OBJECTS, events = EVENTS) => JSON.stringify({ ...TYPES, objects, events }, null, 1);
const eventsFirst = (objects = OBJECTS, events = EVENTS) => JSON.stringify({ events, objects, ...TYPES });
const ROWS = [
  ['2024-03-02 10:00:00.000000', 'place', { 'ocel:eid': 'e1', who: 'Ann', total: '12.5', ok: 'true' }, { order: ['o1'], item: ['i1', 'i2'] }, { order: ['order'], item: ['a', 'b'] }],
  ['2024-03-02 10:00:00.000000', 'pack "now"', { 'ocel:eid': 'e2', weight: '1000' }, { item: ['i1'], "it's|odd": ['ü"x'] }, { item: [''], "it's|odd": ['né\n'] }],
  ['2024-03-02 12:00:00.000000', 'wait', { 'ocel:eid': 'e3' }, {}, {}]];

let count = 0;
function load(name, content, ...args) {
  const source = `o${++count}`;
  const report = store.import([store.file(name, content), '--source', source, ...args]);
  return { report, source, rows: () => store.events(source) };
}
const essence = (rows) => rows.map((r) => [r.time, r.event, r.properties, r.objects, r.object_qualifiers]);

// --- JSON -------------------------------------------------------------------------------------

test('events, attributes, objects of several types and their qualifiers', () => {
  const { report, rows, source } = load('log.json', log());
  assert.deepEqual([report.files[0].format, report.rows_imported, report.rows_rejected, report.objects, report.object_types, report.warnings],
    ['ocel', 3, 0, 4, ['order', 'item', "it's|odd"], []]);
  assert.deepEqual(essence(rows()), ROWS);
  const listed = JSON.parse(store.call('list_sources', {})).sources.find((s) => s.name === source);
  assert.deepEqual(listed.object_fields, ['order', 'item', "it's|odd"]);
  const summary = JSON.parse(store.call('object_summary', { source, filters: [{ field: 'item', value: 'i2' }] }));
  assert.deepEqual(summary.types.map((t) => [t.type, t.objects, t.events]), [["it's|odd", 0, 0], ['item', 2, 2], ['order', 1, 1]]);
});

test('lists in any order, by name, content or --format, packed, through a pipe', () => {
  for (const [name, content, ...args] of [['log.jsonocel', log()], ['first.json', eventsFirst()], ['first.jsonocel', eventsFirst()],
    ['log.data', log()], ['first.data', eventsFirst(), '--format', 'ocel'], ['log.json.gz', gzipSync(log())],
    ['first.json.gz', gzipSync(eventsFirst())], ['bom.json', `\ufeff${log()}`],
    ['more.json', JSON.stringify({ ...TYPES, version: 2, note: '"]}', more: { deep: [[{}]] }, events: EVENTS, last: null, objects: OBJECTS })]])
    assert.deepEqual(essence(load(name, content, ...args).rows()), ROWS, name);
  store.import(['-', '--source', 'piped'], { input: log() });
  assert.deepEqual(essence(store.events('piped')), ROWS);
  assert.match(store.fail(['-', '--source', 'piped', '--format', 'ocel'], { input: eventsFirst() }).message, /events stand before its objects.*name of the file/);
});

test('more types than a call asks for, and one that none can ask for', () => {
  const many = Array.from({ length: 120 }, (_, i) => object(`x${i}`, `type ${i}`));
  const { report, source } = load('many.json', log([...many, object('y', "odd']"), object('z', 'order')], [event('1', 'a', AT, ['x0', 'x110', 'y']), event('2', 'b', '2024-03-03', ['x110', 'z'])]));
  assert.deepEqual(report.warnings, ["no tool can ask for objects of type 'odd']': its name has '] or a zero byte in it"]);
  const truncated = { reason: 'types', limit: 100, hint: 'name the object types of interest' };
  const all = JSON.parse(store.call('object_summary', { source }));
  assert.deepEqual([all.objects, all.types.length, all.meta.truncated], [1, 100, truncated]);
  assert.equal(JSON.parse(store.call('object_summary', { source, object_fields: ['type 110', 'order'] })).objects, 2);
  const map = JSON.parse(store.call('object_map', { source, type: 'type 110' }));
  assert.deepEqual(map.types[0].edges, [{ from: 'a', to: 'b', count: 1 }]);
  assert.deepEqual([map.interactions, map.meta.truncated], [[{ a: 'type 0', b: 'type 110', count: 1 }], truncated]);
});

test('names with quotes, ids that repeat, types and events without objects', () => {
  const odd = `a'b"c\\ \`d`, type = `ty'pe"\\ \``;
  const { report, rows, source } = load('names.json', log([object(odd, type), object('n\0', 'n\0type'), object('x', 'order'), object('x', 'order'), object('x', 'item')],
    [event("e'", `do 'it' "\\`, AT, [odd, odd, 'n\0', 'x', 'x']), event("e'", 'rest', AT, ['nobody'])]));
  assert.deepEqual([report.rows_imported, report.objects, report.object_types, report.warnings.map((w) => w.replace(/^.*\.json/, '')).sort()],
    [2, 3, [type, 'n\0type', 'order', 'item'], [': 1 object comes again with another type: the first one counts', ': 1 relation to objects that are not in the file is left out',
      "no tool can ask for objects of type 'n': its name has '] or a zero byte in it"]]);
  assert.deepEqual(rows().map((r) => [r.event, r.objects[type], r.objects.order]), [[`do 'it' "\\`, [odd, odd], ['x', 'x']], ['rest', undefined, undefined]]);
  const summary = JSON.parse(store.call('object_summary', { source }));
  assert.deepEqual(summary.types.map((t) => [t.type, t.objects, t.relations]), [['item', 0, 0], ['order', 1, 1], [type, 1, 1]]);
  assert.equal(JSON.parse(store.call('object_map', { source, type })).types[0].variants[0].example, odd);
  assert.match(store.run([path.join(store.root, 'names.json'), '--source', source]).out, /^Source o\d+: 2 events of 1 actor, 3 objects, .*\n\s+4 types of objects: /s);
  const none = load('none.json', log([], EVENTS.slice(2)));
  assert.match(JSON.parse(spawnSync(SEXTANT, ['call', 'object_map', JSON.stringify({ source: none.source }), '--data', store.data], { encoding: 'utf8' }).stderr).error.message, /has no object types/);
});

test('one of a thing is told as one', () => {
  const { source } = load('one.json', log([object('t', 'truck'), object('a', 'order'), object('b', 'order')], [event('1', 'ask', '2024-01-01T10:00:00Z', ['a']), event('2', 'load', '2024-01-01T11:00:00Z', ['t', 'b']),
    event('3', 'load', '2024-01-01T12:00:00Z', ['t', 'a']), event('4', 'join', '2024-01-01T12:00:00Z', ['a', 'b'])]));
  const say = (tool, args) => store.call(tool, { source, ...args }, '--format', 'text').split(' Period:')[0];
  assert.equal(say('object_contention', { type: 'truck' }), 'The queue is longest for truck t: 1 object waited 1 time while it served others, median 2 h 0 min, 2 h 0 min in all.');
  assert.equal(say('object_summary', {}), "3 objects of 2 types in 7 relations. 1 event of 'join' has several objects of type order, and counts once for each. 1 object of type truck has 'load' more than once.");
  assert.equal(say('object_map', {}), '3 objects of 2 types.'); // nobody waits between types
  const variants = (args) => spawnSync(SEXTANT, ['call', 'process_variants', JSON.stringify({ source, ...args }), '--data', store.data], { encoding: 'utf8' });
  assert.match(JSON.parse(variants({}).stderr).error.message, /has no case field; name one of its object types, as 'truck', or map one/);
  assert.equal(JSON.parse(variants({ case: 'truck' }).stdout).cases, 1);
  const actors = (type) => spawnSync(SEXTANT, ['call', 'list_actors', JSON.stringify({ of: 'object_map', arguments: { source }, cell: { type, from: 'load', to: 'join' } }), '--data', store.data], { encoding: 'utf8' });
  assert.equal(JSON.parse(actors('order').stdout).total, 2);
  assert.match(JSON.parse(actors('ordre').stderr).error.message, /the map has no object type 'ordre'/);
});

test('JSON lines are still lines', () => {
  assert.match(store.fail([store.file('long.json', `{"${'x'.repeat(1 << 20)}":1}`), '--source', 'long']).message, /name it with --time$/);
  const { report } = load('lines.json', `{"time":"${AT}","event":"a","objects":["x"]}\n`);
  assert.equal(report.files[0].format, 'jsonl');
});

test('several logs are one source; a log and a table are not', () => {
  const one = store.file('one.json', log(OBJECTS, EVENTS.slice(0, 1))), two = store.file('two.json', log([object('i1', 'item'), object('i2', 'item'), OBJECTS[3]], EVENTS.slice(1)));
  const csv = store.file('table.csv', `time,event\n${AT},a\n`);
  store.import([one, two, '--source', 'both']);
  assert.deepEqual(essence(store.events('both')), ROWS);
  assert.match(store.fail([one, csv, '--source', 'both']).message, /table.csv is no OCEL log, and the files before it are/);
  assert.match(store.fail([csv, one, '--source', 'both']).message, /one.json is an OCEL log, and the files before it are not/);
});

test('rejected events are told with their lines, the others are imported', () => {
  const lines = ['{"objectTypes":[],"objects":[{"id":"o","type":"order"}],"events":[',
    '{"id":"1","type":"a","time":"yesterday"},', `{"id":"2","time":"${AT}"},`, `{"id":"3","type":"a","time":"${AT}","attributes":[{"name":"x","value":1},{"name":"x","value":2}]},`,
    `{"id":"4","type":"a","time":"${AT}","attributes":{}},`, `{"id":"5","type":"a","time":"${AT}","attributes":[1]},`, `{"id":"6","type":"a","time":"${AT}","relationships":"o"},`,
    `{"id":"7","type":"a","time":"${AT}","relationships":[{"qualifier":"x"}]},`, `{"id":"8","type":"b","time":"${AT}",`, ' "relationships":[{"objectId":"o"},{"objectId":"nobody"}]},',
    `{"id":"9","type":"a","time":"${AT}","attributes":[{"value":1}]},`, `{"id":"10","type":"a","time":"${AT}" "x":1}`, ']}'];
  const { report, rows } = load('bad.json', lines.join('\n'));
  assert.deepEqual(report.rejected.map((r) => [r.line, r.last_line ?? r.line, r.reason]), [
    [2, 2, "time 'yesterday' is in no known form"], [3, 3, 'no event name (--event-name gives such rows one)'], [4, 4, "two values for 'x'"],
    [6, 6, 'an item of a list that is no object'], [7, 7, 'its relationships are no list'], [8, 8, 'a relationship without an objectId'],
    [11, 11, 'an attribute without a name'], [12, 12, 'a comma is missing']]);
  assert.deepEqual(rows().map((r) => [r.properties['ocel:eid'], r.objects]), [['4', {}], ['8', { order: ['o'] }]]);
  assert.match(report.warnings[0], /1 relation to objects that are not in the file is left out/);
});

test('what cannot be read says where and why, and changes nothing', () => {
  const file = store.file('damage.json', log());
  store.import([file, '--source', 'damage']);
  const body = (text) => `{"objectTypes":[],\n${text}}`;
  for (const [content, pattern] of [
    [log().slice(0, -30), /cut off/], [eventsFirst().slice(0, -120), /cut off/], [log().slice(0, 150), /cut off/],
    [body('"objects":[]'), /no list "events"/], [body('"events":[]'), /no list "objects"/], [body('"objects":[],"events":[]'), /a log without events/],
    [body('"objects":{},"events":[]'), /line 2: events and objects must be lists/], [body('"objects":[1],"events":[]'), /line 2: an item of the list is no object/],
    [body('"objects":[{"id":"o"}],"events":[]'), /line 2: an object without a type/], [body('"objects":[{"type":"o"}],"events":[]'), /line 2: an object without an id/],
    [body('"objects":[],"objects":[],"events":[]'), /line 2: the same list a second time/],
    [body('"objects":[{"id":"a","type":"b"}{"id":"c","type":"b"}],"events":[]'), /line 2: a comma is missing/],
    [body(`"x":${'['.repeat(100000)}${']'.repeat(100000)},"objects":[],"events":[]`), /line 2: nested deeper than 64 levels/],
    [body(`"objects":[{"id":"a","type":"b","x":${'{"a":'.repeat(100000)}1${'}'.repeat(100000)}}],"events":[]`), /line 2: nested deeper than 64 levels/],
    [body('"x":[}],"objects":[],"events":[]'), /line 2: a bracket that closes none/], [`${log()} more`, /text after the JSON object/],
    [body(`"${'x'.repeat(5000)}":1`), /line 2: a member name is longer than 4,096 bytes/],
    [Buffer.from(body('"objects":[{"id":"é","type":"b"}],"events":[]'), 'latin1'), /line 2: an object that is not UTF-8/],
    [body(`"objects":[${Array.from({ length: 1001 }, (_, i) => `{"id":"${i}","type":"t${i}"}`)}],"events":[]`), /more than 1,000 types of objects/],
    ['{"ocel:global-event":{},"ocel:events":{},"ocel:objects":{}}', /is OCEL 1.0; import takes OCEL 2.0/],
  ]) {
    store.file('damage.json', content);
    const error = store.fail([file, '--source', 'damage']);
    assert.equal(error.code, 'bad_argument', error.message);
    assert.match(error.message, pattern);
  }
  assert.equal(store.events('damage').length, 3);
});

const XML2 = `<?xml version="1.0" encoding="UTF-8"?>
<log><object-types><object-type name="order"><attributes/></object-type></object-types>
<events><event id="e1" type="pay" time="${AT}"><objects><relationship object-id="o1" qualifier="x"/></objects></event></events></log>`;
const XML1 = `<?xml version="1.0" encoding="UTF-8"?>
<log><global scope="log"><string key="version" value="1.0"/></global>
<events><event><string key="id" value="e1"/><string key="activity" value="pay"/><date key="timestamp" value="${AT}"/></event></events><objects/></log>`;
const JSON1 = '{"ocel:events":{"e1":{"ocel:activity":"a"}},"ocel:objects":{}}';

test('OCEL in other forms: what converts it is said', () => {
  for (const [name, content, pattern] of [
    ['two.xml', XML2, /two.xml line 2: OCEL in XML, not XES; import takes OCEL 2.0 as JSON or SQLite: pm4py converts it \(read_ocel2_xml, .*write_ocel2_json\)/],
    ['two.xmlocel', XML2, /line 2: OCEL in XML/], ['one.xmlocel', XML1, /line 3: OCEL in XML, .* of OCEL 1.0 read_ocel_xml/],
    ['two.xmlocel.gz', gzipSync(XML2), /line 2: OCEL in XML/], ['wide.xes', Buffer.from(`\ufeff${XML2.replace('UTF-8', 'UTF-16')}`, 'utf16le'), /line 2: OCEL in XML/],
    ['one.jsonocel', JSON1, /one.jsonocel is OCEL 1.0; import takes OCEL 2.0: pm4py converts it \(read_ocel, write_ocel2_json\)/],
    ['one.json.gz', gzipSync(JSON1), /is OCEL 1.0/]])
    assert.match(store.fail([store.file(name, content), '--source', 'forms']).message, pattern, name);
  assert.match(store.fail(['-', '--source', 'forms'], { input: XML2 }).message, /OCEL in XML/);
});

test('gzip that is cut off keeps the old data', () => {
  const file = store.file('cut.json.gz', gzipSync(log()));
  store.import([file, '--source', 'cut']);
  const many = Array.from({ length: 20000 }, (_, i) => ({ id: `n${i}`, type: 'new', time: AT, attributes: [{ name: 'v', value: Math.random() }] }));
  const packed = gzipSync(log(OBJECTS, many));
  for (const content of [packed.subarray(0, packed.length - 20), packed.subarray(0, packed.length / 2), packed.subarray(0, 30)]) {
    store.file('cut.json.gz', content);
    assert.match(store.fail([file, '--source', 'cut']).message, /cut.json.gz (line \d+: .*cut off|.*damaged or cut off)/);
  }
  assert.equal(store.events('cut').length, 3);
});

// --- other tables -----------------------------------------------------------------------------

test('objects of any table: several places, lists, categories of events', () => {
  const rows = [['10:00', 'email.sent', 'c1', { items: ['a', 'b'], truck: 't1' }], ['11:00', 'order.created', 'c1', { items: ['a'], truck: null }],
    ['12:00', 'order.paid', 'c1', { items: 'b', extra: 'z' }], ['15:00', 'email.sent', 'c1', {}],
    ['10:30', 'email.sent', 'c2', { items: [1, 2.5, null], truck: 't1' }], ['13:00', 'ship.out', 'c2', { truck: 't1' }], ['14:00', 'ship.out', 'c1', { truck: 't1' }]];
  const lines = rows.map(([at, name, id, more]) => JSON.stringify({ time: `2024-01-01T${at}:00Z`, event: name, case: id, ...more }));
  store.import([store.file('table.jsonl', lines.join('\n')), '--source', 'table', '--case', 'case']);
  const config = store.file('config.json', JSON.stringify({ sources: { table: { objects: { 'email.*': 'case_id', 'order.*': 'case_id', 'ship.*': 'case_id',
    item: ["properties['items']", "properties['extra']"], truck: "properties['truck']" } } } }));
  const ask = (tool, args) => JSON.parse(spawnSync(SEXTANT, ['call', tool, JSON.stringify({ source: 'table', ...args }), '--data', store.data, '--config', config], { encoding: 'utf8' }).stdout);
  assert.deepEqual(ask('object_summary', {}).types.map((t) => [t.type, t.objects, t.relations, t.events]),
    [['email.*', 2, 3, 3], ['item', 5, 7, 4], ['order.*', 1, 2, 2], ['ship.*', 2, 2, 2], ['truck', 1, 4, 4]]);
  const only = { object_fields: ['item'], filters: [{ field: 'item', op: 'in', values: ['z'] }] };
  assert.deepEqual(ask('object_summary', only).types, [{ type: 'item', objects: 2, relations: 3, events: 2 }]); // b and z, whole
  const map = ask('object_map', {});
  assert.deepEqual(map.handoffs.filter((h) => h.from.endsWith('.*') && h.to.endsWith('.*')).map((h) => [h.from, h.to, h.count, h.median_s]),
    [['email.*', 'order.*', 1, 3600], ['email.*', 'ship.*', 1, 9000], ['order.*', 'ship.*', 1, 7200], ['ship.*', 'email.*', 1, 3600]]);
  assert.deepEqual(map.interactions.find((i) => i.a === 'item' && i.b === 'item').count, 3);
  assert.deepEqual(ask('object_contention', { type: 'truck' }).objects,
    [{ object: 't1', waiting_cases: 1, wait_median_s: 7200, wait_p95_s: 7200, busiest_at: '2024-01-01T12:00:00Z' }]);
});

test('categories of events: as activities, and as cases', () => {
  const rows = [['10:00', 'email.sent', 'c1'], ['10:10', 'email.opened', 'c1'], ['11:00', 'order.created', 'c1'], ['11:30', 'order.paid.twice', 'c1'], ['12:00', 'done', 'c1'],
    ['10:30', 'email.sent', 'c2'], ['13:00', '.odd', 'c2'], ['14:00', 'email.opened', 'c2']];
  store.import([store.file('kinds.jsonl', rows.map(([at, name, id]) => JSON.stringify({ time: `2024-01-01T${at}:00Z`, event: name, case: id })).join('\n')), '--source', 'kinds', '--case', 'case']);
  const objects = { 'email.*': 'case_id', 'order.*': 'case_id' };
  const config = store.file('kinds.json', JSON.stringify({ sources: { kinds: { table: 'sextant.kinds', objects },
    parts: { table: 'sextant.kinds', event_category: '.', objects } } }));
  const ask = (tool, args) => JSON.parse(spawnSync(SEXTANT, ['call', tool, JSON.stringify(args), '--data', store.data, '--config', config], { encoding: 'utf8' }).stdout);
  const variants = (args) => ask('process_variants', args).variants.map((v) => [v.activities, v.example_case]).sort();
  assert.deepEqual(variants({ source: 'parts', collapse_repeats: true }), [[['email', '.odd', 'email'], 'c2'], [['email', 'order', 'done'], 'c1']]);
  assert.deepEqual(ask('process_map', { source: 'parts' }).edges.map((e) => [e.from, e.to, e.count, e.total_s]).sort(),
    [['.odd', 'email', 1, 3600], ['email', '.odd', 1, 9000], ['email', 'email', 1, 600], ['email', 'order', 1, 3000], ['order', 'done', 1, 1800], ['order', 'order', 1, 1800]]);
  assert.equal(ask('conformance_check', { source: 'parts', rules: [{ kind: 'precedence', a: 'email', b: 'order' }] }).rules[0].activated, 1);
  assert.deepEqual(ask('list_events', { source: 'parts' }).events.map((e) => [e.event, e.count]), [['email', 4], ['order', 2], ['.odd', 1], ['done', 1]]);
  // A category as the case: what happened to the email part of it.
  assert.deepEqual(variants({ source: 'kinds', case: 'email.*' }).map(([way]) => way), [['email.sent', 'email.opened']]);
  assert.deepEqual(variants({ source: 'kinds', case: 'order.*' }), [[['order.created', 'order.paid.twice'], 'c1']]);
  assert.deepEqual(ask('object_summary', { source: 'parts' }).types.map((t) => [t.type, t.events]), [['email.*', 4], ['order.*', 2]]);
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
  const parts = (text) => text.split('@').map((part) => gzipSync(part));
  const [before, behind] = parts(JSON.stringify({ ...TYPES, note: '@', events: EVENTS, objects: OBJECTS }));
  const many = await peakOf([store.file('bomb.json.gz', Buffer.concat([before, ...Array(24).fill(blanks), behind])), '--source', 'bomb']);
  assert.equal(many.code, 0, many.out);
  assert.ok(many.peak > 0 && many.peak < 600, `${many.peak} MB for a text of 768 MB`);
  const [start] = parts(log([object('@', 'item')]));
  const huge = await peakOf([store.file('huge.json.gz', Buffer.concat([start, ...Array(32).fill(blanks)])), '--source', 'bomb']);
  assert.equal(huge.code, 1);
  assert.match(huge.out, /an object longer than 64 MB/);
  assert.ok(huge.peak < 900, `${huge.peak} MB for an id of 1 GB`);
});

// --- SQLite -----------------------------------------------------------------------------------

const SCHEMA = `CREATE TABLE event (ocel_id TEXT, ocel_type TEXT); CREATE TABLE object (ocel_id TEXT, ocel_type TEXT);
CREATE TABLE event_object (ocel_event_id TEXT, ocel_object_id TEXT, ocel_qualifier TEXT);
CREATE TABLE object_object (ocel_source_id TEXT, ocel_target_id TEXT, ocel_qualifier TEXT);
CREATE TABLE event_map_type (ocel_type TEXT, ocel_type_map TEXT); CREATE TABLE object_map_type (ocel_type TEXT, ocel_type_map TEXT);`;
const MAPS = `INSERT INTO event_map_type VALUES ('place', 'Place'), ('pack "now"', 'Pack"Now'), ('wait', 'Wait');
CREATE TABLE event_Place (ocel_id TEXT, ocel_time TIMESTAMP, who TEXT, total REAL, ok TEXT, gone TEXT);
CREATE TABLE "event_Pack""Now" (ocel_id TEXT, ocel_time TIMESTAMP, weight INTEGER);
CREATE TABLE event_Wait (ocel_time TIMESTAMP, ocel_id TEXT);`;
const DATA = `INSERT INTO object VALUES ('o1', 'order'), ('i1', 'item'), ('i2', 'item'), ('ü"x', 'it''s|odd');
INSERT INTO event VALUES ('e1', 'place'), ('e2', 'pack "now"'), ('e3', 'wait');
INSERT INTO event_Place VALUES ('e1', '2024-03-02 10:00:00', 'Ann', 12.5, 'true', NULL);
INSERT INTO "event_Pack""Now" VALUES ('e2', '2024-03-02 10:00:00', 1000);
INSERT INTO event_Wait VALUES ('2024-03-02T12:00:00Z', 'e3');
INSERT INTO event_object VALUES ('e2', 'ü"x', 'né' || char(10)), ('e1', 'o1', 'order'), ('e1', 'i2', 'b'), ('e1', 'i1', 'a'), ('e2', 'i1', '');`;

const hasPython = spawnSync('python3', ['-c', 'import sqlite3']).status === 0;
const skip = hasPython ? false : 'no python3 with sqlite3';

// A database made by SQL.
function database(name, sql) {
  const file = path.join(store.root, name);
  const made = spawnSync('python3', ['-c', 'import sqlite3, sys, os\np = sys.argv[1]\nos.path.exists(p) and os.remove(p)\ndb = sqlite3.connect(p)\ndb.executescript(sys.stdin.read())\ndb.commit()\ndb.close()', file],
    { input: sql, encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return file;
}

test('the same rows from a database', { skip }, () => {
  for (const [name, maps] of [['log.sqlite', MAPS], ['log.data', MAPS], ['case.sqlite', MAPS.replaceAll(/ocel_(id|time)/g, (column) => column.toUpperCase())]]) {
    const report = store.import([database(name, SCHEMA + maps + DATA), '--source', 'lite']);
    assert.deepEqual([report.files[0].format, report.objects, report.warnings], ['ocel-sqlite', 4, []]);
    assert.deepEqual(essence(store.events('lite')), ROWS);
  }
});

test('events that a database does not tell enough of are rejected', { skip }, () => {
  const report = store.import([database('odd.sqlite', `${SCHEMA}${MAPS}${DATA}
    INSERT INTO event VALUES ('e4', 'unknown'), ('e5', NULL), ('e6', 'wait'), ('e7', 'wait');
    INSERT INTO event_Wait VALUES ('2024-03-02', 'e7'), ('2024-03-03', 'e7'); INSERT INTO event_object VALUES ('e7', 'nobody', '');`), '--source', 'odd']);
  assert.deepEqual(report.rejected.map((r) => r.reason),
    ['its type is not in event_map_type', 'its type is not in event_map_type', 'no time', 'a second row for the same event']);
  assert.equal(report.rows_imported, 4);
  assert.match(report.warnings[0], /1 relation to objects/);
});

test('a database that is damaged, is none, or means harm, hurts nobody', { skip }, () => {
  const good = readFileSync(database('good.sqlite', SCHEMA + MAPS + DATA));
  const file = store.file('harm.sqlite', good);
  store.import([file, '--source', 'harm']);
  const marker = path.join(store.root, 'marker');
  const big = readFileSync(database('big.sqlite', `${SCHEMA}${MAPS}${DATA} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO event_object SELECT 'e1', 'i1', i FROM n;`));
  const scrambled = Buffer.from(big);
  for (let i = 8192; i < scrambled.length; i += 97) scrambled[i] ^= 0xff;
  const withView = (name, body) => readFileSync(database('made.sqlite', `${(SCHEMA + MAPS + DATA).replaceAll(new RegExp(`INSERT INTO ${name} VALUES[^;]*;`, 'g'), '').replace(new RegExp(`CREATE TABLE ${name} \\([^)]*\\);`), '')} ${body}`));
  for (const [content, pattern] of [
    [good.subarray(0, 20000), /damaged or cut off/], [good.subarray(0, 50), /damaged or cut off/], [big.subarray(0, big.length / 2), /damaged or cut off/], [scrambled, /damaged or cut off|no OCEL|rejected/],
    ['time,event\n', /damaged or cut off/], [readFileSync(database('empty.sqlite', 'CREATE TABLE t (x)')), /no OCEL 2.0: it has no table 'event'/],
    [withView('event', `CREATE VIEW event AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS ocel_id, 'wait' AS ocel_type FROM n;`), /no table 'event'/],
    [withView('event_object', `CREATE VIEW event_object AS SELECT load_extension('x') AS ocel_event_id, writefile('${marker}', 'x') AS ocel_object_id, '' AS ocel_qualifier;`), /no table 'event_object'/],
    [readFileSync(database('columns.sqlite', `${SCHEMA} CREATE TABLE event_X (ocel_id TEXT, time TEXT); INSERT INTO event_map_type VALUES ('x', 'X'); ALTER TABLE event_object RENAME COLUMN ocel_object_id TO x;`)), /ocel_object_id/],
    [readFileSync(database('missing.sqlite', `${SCHEMA} INSERT INTO event_map_type VALUES ('x', 'X"; DROP TABLE event; --');`)), /no OCEL 2.0: it has no table 'event_X"; DROP TABLE event; --'/],
    [readFileSync(database('plain.sqlite', (SCHEMA + MAPS + DATA).replace('event (ocel_id TEXT, ocel_type TEXT)', 'event (ocel_id TEXT PRIMARY KEY, ocel_type TEXT) WITHOUT ROWID'))), /the rows of its table 'event' have no rowid/],
    [readFileSync(database('hidden.sqlite', (SCHEMA + MAPS + DATA).replace('event (ocel_id TEXT, ocel_type TEXT)', 'event (ocel_id TEXT, ocel_type TEXT, RowId TEXT DEFAULT 1)').replace('event VALUES', 'event (ocel_id, ocel_type) VALUES'))), /the rows of its table 'event' have no rowid/],
    [readFileSync(database('zero.sqlite', `${SCHEMA}${MAPS}${DATA} INSERT INTO event_map_type VALUES ('zero', 'Wait' || char(0) || 'x');`)), /a table with a zero byte in its name/],
    [readFileSync(database('repeats.sqlite', `${SCHEMA}${MAPS} ${['event_Wait SELECT NULL,', 'event SELECT'].map((what) => `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) INSERT INTO ${what} 'e'${what.startsWith('event ') ? ", 'wait'" : ''} FROM n;`).join(' ')}`)), /more than 1,000 rows for one event/],
    [readFileSync(database('none.sqlite', SCHEMA + MAPS)), /a log without events/],
    [readFileSync(database('huge.sqlite', `${SCHEMA}${MAPS}${DATA} INSERT INTO object VALUES (zeroblob(70000000), 'x');`)), /longer than 64 MB/],
  ]) {
    writeFileSync(file, content);
    const before = readFileSync(file);
    const error = store.fail([file, '--source', 'harm']);
    assert.equal(error.code, 'bad_argument', error.message);
    assert.match(error.message, pattern);
    assert.deepEqual(readFileSync(file), before);
  }
  writeFileSync(file, good);
  writeFileSync(`${file}-wal`, 'x');
  assert.match(store.fail([file, '--source', 'harm']).message, /is not complete: the rest is in .*harm.sqlite-wal/);
  assert.deepEqual(essence(store.events('harm')), ROWS);
  assert.match(store.fail(['-', '--source', 'harm'], { input: good }).message, /cannot come through a pipe/);
  assert.match(store.fail([store.file('log.sqlite.gz', gzipSync(good)), '--source', 'harm']).message, /a compressed SQLite database: decompress it first/);
});
