// sextant import, from files to the rows of the table: exact text, rejects, replacement, failures.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync, truncateSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { gzipSync, gunzipSync } from 'node:zlib';

import { DATA, SEXTANT, Store } from './import_tools.mjs';

const store = new Store();
after(() => store.remove());

let count = 0;
// Imports one text as a file; the report and the rows.
function load(name, content, ...args) {
  const source = `s${++count}`;
  const file = store.file(name, content);
  const report = store.import([file, '--source', source, ...args]);
  return { report, source, file, rows: () => store.events(source) };
}

const AT = '2024-03-02 10:00:00';

// Frames whose blocks are not compressed: no program is needed, and every length is known.
function frame(format, text) {
  const bytes = Buffer.from(text), parts = [Buffer.from(format === 'zstd' ? '28b52ffd0058' : '04224d18604082', 'hex')];
  for (let at = 0; at < bytes.length; at += 65536) {
    const block = bytes.subarray(at, at + 65536), header = Buffer.alloc(4);
    header.writeUInt32LE(format === 'zstd' ? block.length * 8 + (at + 65536 >= bytes.length) : block.length + 2 ** 31);
    parts.push(header.subarray(0, format === 'zstd' ? 3 : 4), block);
  }
  return Buffer.concat(format === 'zstd' ? parts : [...parts, Buffer.alloc(4)]);
}

const SKIPPED = Buffer.from('5e2a4d180500000068656c6c6f', 'hex');

// What a program makes of it, or null where there is none.
function compress(tool, text) {
  const packed = spawnSync(tool, ['-c'], { input: text, maxBuffer: 1 << 28 });
  return packed.error || packed.status !== 0 ? null : packed.stdout;
}

// --- delimited text ---------------------------------------------------------------------------

test('values stay exactly the text they were', () => {
  const values = ['NA', 'null', 'NULL', 'None', 'nan', '\\N', '0012', '1e5', '1.10', 'True', 'false', '+5', '-0',
    '1,5', ' leading', 'trailing ', '  ', 'a"b', '""', '\t', 'a\\tb', "it's", '2024-01-01', 'é漢😀', '[1, 2]', '{"a": 1}',
    'x\ny', 'x\r\ny', 'a;b', 'a|b', '\u0000', '#', '0x1F', '1_000', 'inf', '١', '\ufeffx'];
  const quote = (v) => `"${v.replaceAll('"', '""')}"`;
  const text = `time,event,i,v\n${values.map((v, i) => `${AT},e,${i},${quote(v)}`).join('\n')}\n`;
  const { rows, report } = load('exact.csv', text);
  assert.equal(report.rows_imported, values.length);
  assert.deepEqual(rows().map((r) => r.properties.v), values);
});

test('unquoted values stay exact too, in every dialect', () => {
  const values = ['NA', 'null', '\\N', '0012', '1e5', 'True', ' x ', 'a"b', "'q'", '\\', 'C:\\new', 'é'];
  for (const [name, delimiter] of [['comma', ','], ['semicolon', ';'], ['tab', '\t'], ['bar', '|']]) {
    for (const end of ['\n', '\r\n', '\r']) {
      const lines = ['time', 'event', 'v'].join(delimiter) + end
        + values.map((v) => [AT, 'e', v].join(delimiter)).join(end) + (end === '\n' ? '' : end);
      const { rows, report } = load(`dialect.csv`, lines);
      assert.equal(report.files[0].delimiter, delimiter, name);
      assert.deepEqual(rows().map((r) => r.properties.v), values, `${name} ${JSON.stringify(end)}`);
    }
  }
});

test('a byte order mark, blank lines and no last newline', () => {
  const { rows, report } = load('bom.csv', `\ufefftime,event,v\r\n\r\n${AT},a,1\r\n\r\n\r\n${AT},b,2`);
  assert.equal(report.rows_read, 2);
  assert.deepEqual(rows().map((r) => [r.event, r.properties.v]), [['a', '1'], ['b', '2']]);
});

test('empty is missing, a blank is not', () => {
  const { rows } = load('empty.csv', `time,event,a,b,c\n${AT},e,, ,""\n`);
  assert.deepEqual(rows()[0].properties, { b: ' ' });
});

test('equal and empty column names get names of their own, and the report says so', () => {
  const { rows, report } = load('twice.csv', `time,event,a,a,,a,a_2\n${AT},e,1,2,3,4,5\n`);
  assert.deepEqual(rows()[0].properties, { a: '1', a_2: '2', c5: '3', a_3: '4', a_2_2: '5' });
  assert.match(report.warnings.join('\n'), /second column 'a' is called 'a_2'/);
});

test('files without a header', () => {
  const { rows } = load('bare.csv', `${AT},login,u1,x\n${AT},logout,u1,y\n`, '--no-header', '--time', 'c1',
    '--event', 'c2', '--actor', 'c3');
  assert.deepEqual(rows().map((r) => [r.event, r.actor, r.properties]),
    [['login', 'u1', { c4: 'x' }], ['logout', 'u1', { c4: 'y' }]]);
});

test('tab separated dumps with backslashes, and quotes that are none', () => {
  const dump = load('dump.tsv', `time\tevent\tv\tw\n${AT}\te\ta\\tb\\nc\\\\d\t\\N\n`, '--quoting', 'backslash');
  assert.deepEqual(dump.rows()[0].properties, { v: 'a\tb\nc\\d' });
  const plain = load('plain.tsv', `time\tevent\tv\n${AT}\te\t"a\n${AT}\te\t""\n`, '--quoting', 'none');
  assert.deepEqual(plain.rows().map((r) => r.properties.v), ['"a', '""']);
});

test('rejected rows are told with line and reason, the others are imported', () => {
  const text = [
    'time,event,v',                 // 1
    `${AT},a,"x`,                   // 2
    'y"',                           // 3
    `yesterday,b,1`,                // 4
    `${AT},c`,                      // 5
    `${AT},d,1,2`,                  // 6
    `${AT},e,"q"z,1`,               // 7
    `${AT},,1`,                     // 8
    `3024-01-01 00:00:00,f,1`,      // 9
    `,g,1`,                         // 10
    `2024-02-30 00:00:00,h,1`,      // 11
    '',                             // 12
    `${AT},i,"last ""one"""`,       // 13
  ].join('\n');
  const { report, rows } = load('bad.csv', text);
  assert.deepEqual(report.rejected.map((r) => [r.line, r.reason]), [
    [4, "time 'yesterday' is in no known form"], [5, '2 columns instead of 3'], [6, '4 columns instead of 3'],
    [7, 'text after a closing quote'], [8, 'no event name (--event-name gives such rows one)'],
    [9, "time '3024-01-01 00:00:00' is outside 1900 to 2299"], [10, 'no time'],
    [11, "time '2024-02-30 00:00:00' is in no known form"]]);
  assert.deepEqual([report.rows_read, report.rows_imported, report.rows_rejected], [10, 2, 8]);
  assert.deepEqual(rows().map((r) => [r.event, r.properties.v]), [['a', 'x\ny'], ['i', 'last "one"']]);
  assert.equal(Object.values(report.rejected_by_reason).reduce((a, b) => a + b), 8);
});

test('a quote that is never closed costs its line only', () => {
  const { report, rows } = load('open.csv', `time,event,v\n${AT},a,1\n${AT},b,"2\n${AT},c,3\n${AT},d,4\n`);
  assert.deepEqual(report.rejected.map((r) => [r.line, r.reason]),
    [[3, 'a quote opens a field and is never closed']]);
  assert.deepEqual(rows().map((r) => r.event), ['a', 'c', 'd']);
});

test('invalid UTF-8 is rejected by line; --rejects keeps every rejected row', () => {
  const bytes = Buffer.concat([Buffer.from(`time,event,v\n${AT},a,ok\n${AT},b,`), Buffer.from([0xff, 0xfe]),
    Buffer.from(`\n${AT},c,\xe9\nnever,d,"1\n2"\n`, 'utf8')]);
  const rejects = path.join(store.root, 'rejects.jsonl');
  const { report, rows } = load('latin.csv', bytes, '--rejects', rejects);
  assert.deepEqual(report.rejected.map((r) => [r.line, r.last_line, r.reason]),
    [[3, undefined, 'invalid UTF-8'], [5, 6, "time 'never' is in no known form"]]);
  assert.deepEqual(rows().map((r) => r.properties.v), ['ok', 'é']);
  const written = readFileSync(rejects, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(Buffer.from(written[0].hex, 'hex').toString('latin1'), `${AT},b,\xff\xfe`);
  assert.equal(written[1].text, 'never,d,"1\n2"');
});

test('the reason of a rejected row is told though a character is cut in it', () => {
  const long = load('cut.csv', `time,event\n${AT},a\n${'z'.repeat(59)}éé,b\n`).report;
  assert.equal(long.rejected[0].reason, `time '${'z'.repeat(59)}' is in no known form`);
  const name = `${'z'.repeat(99)}é`;
  const twice = load('cut.jsonl', `{"time":"${AT}","event":"a"}\n{"${name}":1,"${name}":2}\n`).report;
  assert.equal(twice.rejected[0].reason, `two values for '${'z'.repeat(99)}\ufffd'`);
});

test('--strict refuses a file with a bad row and keeps the old data', () => {
  const good = store.file('strict.csv', `time,event\n${AT},old\n`);
  store.import([good, '--source', 'strict']);
  store.file('strict.csv', `time,event\n${AT},new\nnever,x\n`);
  const error = store.fail([good, '--source', 'strict', '--strict']);
  assert.equal(error.field, '--strict');
  assert.match(error.message, /line 3/);
  assert.deepEqual(store.events('strict').map((r) => r.event), ['old']);
});

test('a long line, and many columns', () => {
  const long = 'x'.repeat(10 << 20);
  const one = load('long.csv', `time,event,v\n${AT},a,1\n${AT},b,${long}\n${AT},c,"${long}\n"\n${AT},d,2\n`);
  assert.deepEqual(one.rows().map((r) => r.properties.v.length), [1, long.length, long.length + 1, 1]);
  const names = Array.from({ length: 5000 }, (_, i) => `column_${i}`);
  const wide = load('wide.csv', `time,event,${names}\n${AT},a,${names.map((_, i) => i)}\n${AT},b,${names.map(() => '')}\n`);
  const rows = wide.rows();
  assert.equal(Object.keys(rows[0].properties).length, 5000);
  assert.equal(rows[0].properties.column_4999, '4999');
  assert.deepEqual(rows[1].properties, {});
});

test('a first row that holds everything at once, cut at any place', () => {
  // Large enough for several reads: rows must survive wherever a read ends.
  const rowsWanted = 60000;
  let text = 'time,event,v\r\n';
  for (let i = 0; i < rowsWanted; i++)
    text += `2024-01-01 00:00:00.${String(i).padStart(6, '0')},e${i % 7},"${i}${',"",\r\n'.repeat(i % 11).replaceAll('"', '""')}é"\r\n`;
  const { report, source } = load('many.csv', text);
  assert.deepEqual([report.rows_imported, report.rows_rejected], [rowsWanted, 0]);
  const [row] = store.query(`SELECT count() AS n, countIf(toUnixTimestamp64Micro(time) % 1000000 != seq) AS late,
    countIf(properties['v'] != concat(toString(seq), repeat(',"",\\r\\n', seq % 11), 'é')) AS wrong FROM sextant.${source}`);
  assert.deepEqual(row, { n: rowsWanted, late: 0, wrong: 0 });
});

test('actors, sessions and cases are numbered; keys whose values repeat have columns', () => {
  const actors = ['u1', '', 'u2', 'u1', 'ü3'];
  const lines = Array.from({ length: 2000 }, (_, i) =>
    `2024-01-01 00:00:${String(i % 60).padStart(2, '0')},e${i % 3},${actors[i % 5]},s${i % 7},c${i},${i % 4 ? `p${i % 2}` : ''},n${i}`);
  const { source } = load('numbers.csv', `time,event,actor,session,case,plan,note\n${lines.join('\n')}\n`);
  assert.deepEqual(store.query(`SELECT actor, actor_number FROM sextant.${source} GROUP BY ALL ORDER BY actor_number`),
    [['', 0], ['u1', 1], ['u2', 2], ['ü3', 3]].map(([actor, number]) => ({ actor, actor_number: number })));
  assert.deepEqual(store.query(`SELECT uniqExact(session_number) AS s, max(session_number) AS t, uniqExact((session, session_number)) AS p,
    uniqExact(case_number) AS c, uniqExact((case_id, case_number)) AS d,
    countIf(\`properties['plan']\` != properties['plan']) AS wrong FROM sextant.${source}`), [{ s: 7, t: 7, p: 7, c: 2000, d: 2000, wrong: 0 }]);
  assert.deepEqual(store.query(`SELECT name FROM system.columns WHERE table = '${source}' AND default_kind = 'MATERIALIZED'`),
    [{ name: "properties['plan']" }]);
  assert.deepEqual(store.query(`SELECT name FROM system.projections WHERE table = '${source}' ORDER BY name`),
    [{ name: 'bounds' }, { name: 'by_event' }]);
});

test('the rows by event are found by their time in any year', () => {
  const lines = Array.from({ length: 4000 }, (_, i) => `${1901 + i % 390}-0${1 + i % 9}-15T00:00:00Z,e${i % 2},u${i % 50}`);
  const { source } = load('years.csv', `time,event,actor\n${lines.join('\n')}\n`);
  for (const [from, to] of [[1901, 1950], [1960, 1980], [2024, 2025], [2100, 2200], [2260, 2290]]) {
    const [found] = store.query(`SELECT count() AS n, uniqExact(actor_number) AS a FROM sextant.${source}
      WHERE event = 'e1' AND time >= fromUnixTimestamp64Micro(${Date.UTC(from) * 1000}) AND time < fromUnixTimestamp64Micro(${Date.UTC(to) * 1000})`);
    const wanted = lines.filter((l) => l.includes(',e1,') && Number(l.slice(0, 4)) >= from && Number(l.slice(0, 4)) < to);
    assert.deepEqual([Number(found.n), Number(found.a)], [wanted.length, new Set(wanted.map((l) => l.split(',')[2])).size], `${from}-${to}`);
  }
});

// --- times ------------------------------------------------------------------------------------

test('times in many forms', () => {
  const times = [
    ['2024-03-02T10:00:00Z', '2024-03-02 10:00:00.000000'], ['2024-03-02T10:00:00.123456789Z', '2024-03-02 10:00:00.123456'],
    ['2024-03-02 10:00:00.5', '2024-03-02 10:00:00.500000'], ['2024-03-02T10:00:00+02:00', '2024-03-02 08:00:00.000000'],
    ['2024-03-02 10:00:00-0530', '2024-03-02 15:30:00.000000'], ['2024-03-02T10:00', '2024-03-02 10:00:00.000000'],
    ['2024-03-02', '2024-03-02 00:00:00.000000'], ['2024/03/02 10:00:00', '2024-03-02 10:00:00.000000'],
    ['20240302T100000Z', '2024-03-02 10:00:00.000000'], ['2024-03-02 10:00:00 UTC', '2024-03-02 10:00:00.000000'],
    ['1709373600', '2024-03-02 10:00:00.000000'], ['1709373600.25', '2024-03-02 10:00:00.250000'],
    ['1709373600123', '2024-03-02 10:00:00.123000'], ['1709373600123456', '2024-03-02 10:00:00.123456'],
    ['1709373600123456789', '2024-03-02 10:00:00.123456'], ['1923-05-06 07:08:09.000001', '1923-05-06 07:08:09.000001'],
    ['-1000000000', '1938-04-24 22:13:20.000000'], ['2200-12-31T23:59:59.999999Z', '2200-12-31 23:59:59.999999'],
    ['1969-12-31T23:59:59.999999Z', '1969-12-31 23:59:59.999999'], ['2016-12-31 23:59:60', '2017-01-01 00:00:00.000000'],
    ['2024-02-29 24:00:00', '2024-03-01 00:00:00.000000'],
  ];
  const { rows } = load('times.csv', `time,event\n${times.map(([t]) => `${t},e`).join('\n')}\n`);
  assert.deepEqual(rows().map((r) => r.time), times.map(([, t]) => t));
});

test('milliseconds of January 1970 are not seconds; --time-unit decides', () => {
  const guessed = load('ms.csv', 'time,event\n0,a\n86400000,b\n15000000000,c\n');
  assert.deepEqual(guessed.rows().map((r) => r.time.slice(0, 10)), ['1970-01-01', '1970-01-02', '1970-06-23']);
  const told = load('ms.csv', 'time,event\n0,a\n86400000,b\n', '--time-unit', 'ms');
  assert.deepEqual(told.rows().map((r) => r.time.slice(0, 10)), ['1970-01-01', '1970-01-02']);
});

test('--tz for times without a zone, --time-format for others', () => {
  const zone = load('tz.csv', 'time,event\n2024-07-01 12:00:00,a\n2024-01-01 12:00:00,b\n2024-01-01T12:00:00Z,c\n1950-01-01 12:00:00,d\n'
    + '2024-10-27 02:30:00,e\n2024-03-31 02:30:00,f\n', '--tz', 'Europe/Berlin');
  assert.deepEqual(zone.rows().map((r) => r.time.slice(0, 19)), ['2024-07-01 10:00:00', '2024-01-01 11:00:00', '2024-01-01 12:00:00',
    '1950-01-01 11:00:00', '2024-10-27 00:30:00', '2024-03-31 01:30:00']);
  const format = load('format.csv', 'time,event\n30-12-2010:11.02,a\n', '--time-format', '%d-%m-%Y:%H.%M');
  assert.equal(format.rows()[0].time, '2010-12-30 11:02:00.000000');
  assert.equal(store.fail([format.file, '--source', 'x', '--tz', 'Mars/Phobos']).field, '--tz');
  assert.equal(store.fail([format.file, '--source', 'x', '--time-format', '%Q']).field, '--time-format');
});

test('a start time that cannot be read stays as a property', () => {
  const { rows, report } = load('start.csv', `time,event,start_time\n${AT},a,2024-03-02 09:00:00\n${AT},b,soon\n${AT},c,\n`);
  assert.deepEqual(rows().map((r) => [r.start_time, r.properties]),
    [['2024-03-02 09:00:00.000000', {}], [null, { start_time: 'soon' }], [null, {}]]);
  assert.match(report.warnings.join(), /1 start time/);
});

// --- columns ----------------------------------------------------------------------------------

test('roles are guessed from obvious names and told with a reason', () => {
  const { report, rows } = load('guess.csv', 'Case ID,Activity,Complete Timestamp,org:resource,start_timestamp,Session_Id,User ID,x\n'
    + `c1,a,${AT},r1,${AT},s1,u1,1\n`);
  assert.deepEqual(Object.fromEntries(report.mapping.map((m) => [m.role, m.column])), {
    time: 'Complete Timestamp', event: 'Activity', actor: 'User ID', session: 'Session_Id', case: 'Case ID',
    resource: 'org:resource', 'start-time': 'start_timestamp' });
  assert.ok(report.mapping.every((m) => m.why === 'guessed from its name'));
  const [row] = rows();
  assert.deepEqual([row.case_id, row.event, row.resource, row.session, row.actor, row.properties],
    ['c1', 'a', 'r1', 's1', 'u1', { x: '1' }]);
});

test('what no column holds is constant', () => {
  const nothing = load('constant.csv', `timestamp,value\n${AT},1\n`);
  assert.deepEqual(nothing.rows().map((r) => [r.event, r.actor, r.session, r.case_id]), [['event', 'all', '', '']]);
  const named = load('constant.csv', `timestamp,value,event\n${AT},1,x\n`, '--event-name', 'reading');
  assert.deepEqual(named.rows().map((r) => [r.event, r.properties]), [['reading', { value: '1', event: 'x' }]]);
});

test('several cases, one column in two roles, actor properties; the comment holds the mapping', () => {
  const { source, rows } = load('cases.csv', `ts,event,order_id,item,user,actor.plan,actor.\n${AT},e,o1,i1,u1,pro,z\n`,
    '--case', 'order_id', '--case', 'item', '--session', 'order_id', '--description', "Orders' \"own\" \\ 漢");
  const [row] = rows();
  assert.deepEqual([row.case_id, row.session, row.actor, row.properties, row.actor_properties],
    ['o1', 'o1', 'u1', { item: 'i1', 'actor.': 'z' }, { plan: 'pro' }]);
  const [{ comment }] = store.query(`SELECT comment FROM system.tables WHERE database = 'sextant' AND name = '${source}'`);
  assert.deepEqual(JSON.parse(comment), { kind: 'events', description: "Orders' \"own\" \\ 漢",
    cases: { order_id: 'case_id', item: "properties['item']" } });
});

test('a column that is not there is refused with the nearest name and the list', () => {
  const file = store.file('nearest.csv', `time,event,user_id\n${AT},e,u\n`);
  const error = store.fail([file, '--source', 'x', '--actor', 'userid']);
  assert.deepEqual([error.code, error.field], ['not_found', '--actor']);
  assert.match(error.message, /did you mean 'user_id'.*time, event, user_id/);
  const untimed = store.file('untimed.csv', 'a,b\n1,2\n');
  assert.match(store.fail([untimed, '--source', 'x']).message, /--time.*a, b/);
});

test('several files: columns united, order kept, what one lacks is told', () => {
  const one = store.file('one.csv', `time,event,user_id,a\n${AT},e1,u1,1\n`);
  const two = store.file('two.jsonl', `{"b":2,"time":"${AT}","event":"e2"}\n`);
  const report = store.import([one, two, '--source', 'both']);
  assert.deepEqual(store.events('both').map((r) => [r.seq, r.event, r.actor, r.properties]),
    [[0, 'e1', 'u1', { a: '1' }], [1, 'e2', '', { b: '2' }]]);
  assert.match(report.warnings.join(), /two.jsonl has no column 'user_id'/);
});

// --- JSON lines -------------------------------------------------------------------------------

test('JSON lines: objects flattened, lists kept, numbers as written, actor objects', () => {
  const lines = [
    `{"time":"${AT}","event":"a","n":1.10,"big":123456789012345678901234567890,"e":1E5,"t":true,"f":false,"z":null,"s":"NA"}`,
    `  {"time" : "${AT}", "event":"b", "o": {"p": {"q": "x"}, "e": {}}, "l": [1, {"a": "b"}, "c"], "u": "\\u00e9\\ud83d\\ude00\\n\\"\\/"}  `,
    `{"time":"${AT}","event":"c","actor":{"plan":"pro","address":{"city":"Rome"}},"user_id":"u1","":"empty name","a.b":"dot"}`,
  ];
  const { rows } = load('flat.jsonl', lines.join('\n'));
  const [a, b, c] = rows();
  assert.deepEqual(a.properties, { n: '1.10', big: '123456789012345678901234567890', e: '1E5', t: 'true', f: 'false', s: 'NA' });
  assert.deepEqual(b.properties, { 'o.p.q': 'x', l: '[1, {"a": "b"}, "c"]', u: 'é😀\n"/' });
  assert.deepEqual([c.actor, c.properties, c.actor_properties],
    ['u1', { '': 'empty name', 'a.b': 'dot' }, { plan: 'pro', 'address.city': 'Rome' }]);
});

test('broken JSON is rejected by line with the reason', () => {
  const good = `{"time":"${AT}","event":"e"}`;
  const bad = ['{"time":', '[1]', '5', `${good} x`, '{"a":01}', '{"a":"\\x"}', '{"a":"\\ud800"}', `{"a":1,"a":2}`,
    '{"a":1,}', '{"a" 1}', '{"a":nul}', `{"a":"${'\u0001'}"}`, `{"a":${'['.repeat(100)}${']'.repeat(100)}}`, '{"a":{"b":1},"a.b":2}', '{"event":"e"}'];
  const { report, rows } = load('broken.jsonl', [good, ...bad, '', good].join('\n'));
  assert.equal(rows().length, 2);
  assert.deepEqual(report.rejected.map((r) => r.line), bad.map((_, i) => i + 2));
  assert.deepEqual(report.rejected.map((r) => r.reason).slice(0, 8), ['the JSON ends too early', 'the line is not a JSON object',
    'the line is not a JSON object', 'text after the JSON object', 'a number is malformed', 'an unknown escape in a string',
    'half of a surrogate pair', "two values for 'a'"]);
});

test('what is no import says what to do', () => {
  const array = store.file('array.json', `[\n{"time":"${AT}"}]\n`);
  assert.match(store.fail([array, '--source', 'x']).message, /one object a line/);
  const wide = store.file('wide16.csv', Buffer.from('\ufefftime,event\n', 'utf16le'));
  assert.match(store.fail([wide, '--source', 'x']).message, /iconv/);
  const zip = store.file('book.xlsx', Buffer.from('PK\x03\x04....'));
  assert.match(store.fail([zip, '--source', 'x']).message, /zip/);
  const packed = store.file('packed.csv.bz2', Buffer.from('BZh91AY&SY'));
  assert.match(store.fail([packed, '--source', 'x']).message, /bzip2 -dc/);
});

// --- Parquet, compression, names --------------------------------------------------------------

/** Writes what the query selects. */
function makeParquet(name, select) {
  const file = path.join(store.root, name);
  const made = spawnSync(process.execPath, ['--input-type=module', '-e', `
    import { query } from 'chdb';
    query(process.argv[1]);
    process.kill(process.pid, 'SIGKILL');`, `INSERT INTO FUNCTION file('${file}', 'Parquet') SELECT ${select}`],
  { cwd: path.dirname(new URL(import.meta.url).pathname), encoding: 'utf8' });
  assert.equal(made.signal, 'SIGKILL', made.stderr);
  return file;
}

test('Parquet: types as text, times in ISO, nested values flattened', () => {
  const file = makeParquet('typed.parquet', `toDateTime64('2024-03-02 10:00:00.123456', 6, 'UTC') AS time,
    'e' AS event, 1::Int32 AS i, 18446744073709551615::UInt64 AS u, 1.5 AS f, nan AS n, '0012' AS s, [1, 2]::Array(Int32) AS l,
    map('k', 'v') AS m, tuple(1, 'x')::Tuple(a Int32, b String) AS t, NULL::Nullable(Int32) AS z, true AS b,
    toDate('2024-03-02') AS d, 12.34::Decimal(18, 2) AS p`);
  const report = store.import([file, '--source', 'typed']);
  assert.equal(report.files[0].format, 'parquet');
  const [row] = store.events('typed');
  assert.equal(row.time, '2024-03-02 10:00:00.123456');
  assert.deepEqual(row.properties, { i: '1', u: '18446744073709551615', f: '1.5', n: 'nan', s: '0012', l: '[1,2]', 'm.k': 'v',
    't.a': '1', 't.b': 'x', b: 'true', d: '2024-03-02', p: '12.34' });
  truncateSync(file, 300);
  assert.match(store.fail([file, '--source', 'typed']).message, /damaged|cut off/);
  assert.equal(store.events('typed').length, 1);
});

test('Parquet: a rejected row is told by its number and as an object', () => {
  const file = makeParquet('some.parquet', `if(number = 2, 'never', '2024-03-02 10:00:00') AS time, 'e"' AS event,
    map('k', number) AS m, number AS "a ""b"" /" FROM numbers(5)`);
  const rejects = path.join(store.root, 'parquet-rejects.jsonl');
  const report = store.import([file, '--source', 'some', '--rejects', rejects]);
  assert.equal(report.rows_imported, 4);
  const written = JSON.parse(readFileSync(rejects, 'utf8'));
  assert.deepEqual([written.line, written.reason, written.text],
    [3, "time 'never' is in no known form", '{"time":"never","event":"e\\"","m":{"k":2},"a \\"b\\" /":2}']);
  assert.deepEqual(store.events('some').map((r) => r.properties['a "b" /']), ['0', '1', '3', '4']);
  const none = makeParquet('none.parquet', "'2024-03-02 10:00:00' AS time FROM numbers(0)");
  assert.match(store.fail([none, '--source', 'some']).message, /none.parquet is empty/);
});

test('gzip and zstd give the same rows, by content and not by name', () => {
  const text = `time,event,v\r\n${AT},a,"x\r\n\r\ny"\r\n${AT},b,\u0000z\r\n`;
  const plain = load('plain.csv', text).rows();
  assert.deepEqual(load('packed.csv.gz', gzipSync(text)).rows(), plain);
  assert.deepEqual(load('packed.data', Buffer.concat([gzipSync(text.slice(0, 20)), gzipSync(text.slice(20))])).rows(), plain);
  for (const name of ['zstd', 'xz', 'lz4']) {
    const packed = compress(name, text);
    if (packed === null)
      continue;
    const { report, rows } = load('packed', packed);
    assert.equal(report.files[0].compression, name);
    assert.deepEqual(rows(), plain);
    assert.deepEqual(load('packed', Buffer.concat([compress(name, text.slice(0, 20)), compress(name, text.slice(20))])).rows(), plain);
  }
  for (const format of ['zstd', 'lz4']) {
    const several = Buffer.concat([SKIPPED, frame(format, text.slice(0, 20)), SKIPPED, frame(format, text.slice(20)), SKIPPED]);
    assert.deepEqual(load('packed', several).rows(), plain);
  }
});

test('a compressed file that is cut off fails and keeps the old data', () => {
  const first = `time,event\n${`${AT},e\n`.repeat(50000)}`, second = `${AT},e\n`.repeat(5000);
  const file = store.file('cut.data', first.replaceAll(',e\n', ',old\n'));
  store.import([file, '--source', 'cut']);
  const kinds = { gzip: [gzipSync(first), gzipSync(second)], xz: [compress('xz', first), compress('xz', second)] };
  for (const format of ['zstd', 'lz4']) {
    kinds[format] = [frame(format, first), frame(format, second)];
    kinds[`${format} `] = [compress(format, first), compress(format, second)];
  }
  const text = /^.*cut.data cannot be read as (gzip|xz|zstd|lz4): it is (damaged or cut off|cut off: it has (\d+) bytes and needs at least (\d+); download or copy it again)$/;
  for (const [kind, [one, two]] of Object.entries(kinds)) {
    if (one === null)
      continue;
    const whole = Buffer.concat([one, two]);
    for (const size of [one.length >> 1, one.length + 3, whole.length - 1]) {
      store.file('cut.data', whole.subarray(0, size));
      const { code, message } = store.fail([file, '--source', 'cut']);
      assert.equal(code, 'bad_argument');
      assert.match(message, text);
      const [, name, , has, needs] = text.exec(message);
      assert.equal(name, kind.trim());
      assert.ok(has === undefined || (Number(has) === size && needs > size && needs <= whole.length), message);
    }
  }
  assert.deepEqual(store.query('SELECT count() AS n, any(event) AS e FROM sextant.cut'), [{ n: 50000, e: 'old' }]);
});

test('zstd and LZ4 that are cut off are refused from standard input and as XES too, and with more behind them', () => {
  for (const format of ['zstd', 'lz4']) {
    const whole = frame(format, `time,event\n${`${AT},e\n`.repeat(5000)}`);
    const fd = openSync(store.file('stdin', whole.subarray(0, 70000)));
    for (const name of ['-', '/dev/stdin'])
      assert.match(store.fail([name, '--source', 'stdin'], { stdio: [fd, 'pipe', 'pipe'] }).message, /cut off: it has 70000 bytes/);
    closeSync(fd);
    const log = store.file('log.xes', frame(format, '<log></log>').subarray(0, 15));
    assert.match(store.fail([log, '--source', 'log']).message, /cut off: it has 15 bytes/);
    const more = store.file('more', Buffer.concat([whole, Buffer.from('\n')]));
    assert.match(store.fail([more, '--source', 'more']).message,
      new RegExp(`cannot be read as ${format}: it is damaged at byte ${whole.length}: no frame begins there`));
  }
});

test('file names are taken literally, standard input is -', () => {
  const { rows } = load("a*b{1,2}?[x]' %.csv.gz", gzipSync(`time,event\n${AT},e\n`));
  assert.equal(rows().length, 1);
  const report = store.import(['-', '--source', 'piped'], { input: `time,event\n${AT},e\n` });
  assert.deepEqual(report.files.map((f) => f.file), ['standard input']);
  assert.equal(store.events('piped').length, 1);
  assert.match(store.fail(['-', '--source', 'piped'], { input: gzipSync('time,event\n') }).message, /decompress/);
});

test('nothing to read is an error and changes nothing', () => {
  const file = store.file('none.csv', `time,event\n${AT},old\n`);
  store.import([file, '--source', 'none']);
  for (const [content, pattern] of [['', /empty/], ['time,event\n', /no rows/], ['\n\n', /empty/],
    ['time,event\nx,y\n', /not one of 1 rows.*line 2.*no known form/]]) {
    writeFileSync(file, content);
    assert.match(store.fail([file, '--source', 'none']).message, pattern);
  }
  assert.match(store.fail([store.root, '--source', 'none']).message, /directory/);
  assert.equal(store.fail([path.join(store.root, 'absent.csv'), '--source', 'none']).code, 'not_found');
  assert.deepEqual(store.events('none').map((r) => r.event), ['old']);
});

test('a wrong command line is refused before anything is opened', () => {
  const file = store.file('usage.csv', `time,event\n${AT},e\n`);
  for (const args of [[file], ['--source', 'x'], [file, '--source', 'x', '--format', 'xls'], [file, '--source', 'x', '--delimiter', 'ab'],
    [file, '--source', 'x', '--quoting', 'perhaps'], [file, '--source', 'x', '--time-unit', 'h'], [file, '--source', 'x', '--unknown']])
    assert.equal(store.run(args).code, 2, args.join(' '));
  for (const name of ['a b', 'a/b', '', 'ü', 'x'.repeat(65), '`'])
    assert.equal(store.fail([file, '--source', name]).field, '--source');
  const remote = store.run([file, '--source', 'x', '--clickhouse-host', '127.0.0.1', '--clickhouse-port', '1']);
  assert.equal(remote.code, 1);
  assert.match(JSON.parse(remote.err).error.message, /embedded store only/);
});

// --- replacement ------------------------------------------------------------------------------

const BIG_ROWS = 400000;
function bigFile(event) {
  const lines = ['time,event,user_id,v'];
  for (let i = 0; i < BIG_ROWS; i++)
    lines.push(`2024-01-01T00:00:${String(i % 60).padStart(2, '0')}Z,${event},u${i % 1000},value ${i}`);
  return store.file(`${event}.csv`, `${lines.join('\n')}\n`);
}

test('a re-import replaces; one that is killed changes nothing', { timeout: 300000 }, async () => {
  const before = bigFile('before'), next = bigFile('next');
  assert.equal(store.import([before, '--source', 'swap']).replaced, false);
  for (const delay of [120, 250, 400, 600]) {
    const child = store.start([next, '--source', 'swap']);
    const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve(signal)));
    await sleep(delay);
    child.kill('SIGKILL');
    const signal = await ended;
    const [row] = store.query('SELECT count() AS n, any(event) AS e, uniqExact(event) AS u FROM sextant.swap');
    assert.deepEqual([row.n, row.u], [BIG_ROWS, 1]);
    if (signal === 'SIGKILL' && row.e === 'next')
      break; // it had finished its exchange
    assert.equal(row.e, signal === 'SIGKILL' ? 'before' : 'next');
    if (row.e === 'next')
      break;
  }
  assert.equal(store.import([next, '--source', 'swap']).replaced, true);
  assert.deepEqual(store.query('SELECT count() AS n, any(event) AS e FROM sextant.swap'), [{ n: BIG_ROWS, e: 'next' }]);
  assert.deepEqual(store.query("SELECT count() AS n FROM system.tables WHERE database = 'sextant_import'"), [{ n: 0 }]);
});

// Waits until the program asked for the signal: one that comes earlier ends it without a word.
async function takesInterrupts({ pid }) {
  const isCaught = () => parseInt(/^SigCgt:\s*[0-9a-f]*([0-9a-f])$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1], 16) & 2;
  for (const end = Date.now() + 30000; !isCaught(); await sleep(5)) assert.ok(Date.now() < end);
}

test('an interrupt ends it with 130 and changes nothing', { timeout: 120000 }, async () => {
  const file = path.join(store.root, 'before.csv');
  const child = store.start([file, '--source', 'swap']);
  const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  await takesInterrupts(child);
  await sleep(300); // in the middle of its work
  child.kill('SIGINT');
  const code = await ended;
  const [row] = store.query('SELECT count() AS n, uniqExact(event) AS u, any(event) AS e FROM sextant.swap');
  assert.deepEqual([row.n, row.u], [BIG_ROWS, 1]);
  if (code !== 0) {
    assert.equal(code, 130);
    assert.equal(row.e, 'next');
  }
});

/** Interrupted in the middle of work that does not end by itself, the program ends. */
async function endsAtInterrupt(child) {
  const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  await takesInterrupts(child);
  await sleep(500);
  child.kill('SIGINT');
  assert.equal(await ended, 130);
}

test('an interrupt ends it while it waits for standard input', { timeout: 60000 }, async () => {
  const child = store.start(['-', '--source', 'waiting']);
  child.stdin.write('time,event\n');
  await endsAtInterrupt(child);
});

test('an interrupt ends it while it looks whether a file is whole', { timeout: 60000 }, async () => {
  const file = store.file('endless.zst', frame('zstd', ''));
  truncateSync(file, 2 ** 38); // zeros: blocks of no bytes
  await endsAtInterrupt(store.start([file, '--source', 'endless']));
});

test('slow standard input arrives whole', { timeout: 60000 }, async () => {
  const child = store.start(['-', '--source', 'slow', '--json']);
  const ended = new Promise((resolve) => child.on('close', (code) => resolve(code)));
  let out = '';
  child.stdout.on('data', (data) => { out += data; });
  for (const piece of ['time,ev', 'ent\n2024-01-01', ',"a', '\nb"\n', '2024-01-02,c']) {
    child.stdin.write(piece);
    await sleep(100);
  }
  child.stdin.end();
  assert.equal(await ended, 0);
  assert.equal(JSON.parse(out).rows_imported, 2);
  assert.deepEqual(store.events('slow').map((r) => r.event), ['a\nb', 'c']);
});

test('what it tells while it runs ends with all rows', { timeout: 60000 }, async () => {
  const child = store.start(['-', '--source', 'told', '--time', 'time', '--event', 'event', '--actor', 'actor']);
  let told = '', rows = 0;
  child.stderr.setEncoding('utf8').on('data', (text) => { told += text; });
  child.stdout.resume();
  const ended = once(child, 'close');
  child.stdin.write('time,event,actor\n');
  while (!told.includes('import: ') && child.exitCode === null) {
    const some = 20000;
    if (!child.stdin.write(`${AT},seen,u1\n`.repeat(some))) await once(child.stdin, 'drain');
    rows += some;
  }
  child.stdin.end();
  const [code] = await ended;
  assert.equal(code, 0, told);
  const last = told.trim().split('\n').at(-1);
  assert.match(last, /^import: 100 %, [0-9,]+ rows, \d+ s$/);
  assert.equal(Number(/([0-9,]+) rows/.exec(last)[1].replaceAll(',', '')), rows);
});

test('a full disk is told and keeps the old data', (t) => {
  const mount = path.join(store.root, 'small');
  mkdirSync(mount);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', mount]).status !== 0) {
    t.skip('mounting a small file system is not allowed here');
    return;
  }
  try {
    const small = new Store(mount);
    const old = store.file('old.csv', `time,event\n${AT},old\n`);
    small.import([old, '--source', 'full']);
    let text = 'time,event,v\n';
    for (let i = 0; i < 300000; i++)
      text += `${AT},new,${Math.random()}${Math.random()}${Math.random()}${Math.random()}${Math.random()}\n`;
    const error = small.fail([store.file('new.csv', text), '--source', 'full']);
    assert.match(error.message, /no space left/);
    assert.deepEqual(small.events('full').map((r) => r.event), ['old']);
  } finally {
    spawnSync('umount', ['-l', mount]);
  }
});

// --- real files -------------------------------------------------------------------------------

test('the real logs import whole, and the case called NA is there', { timeout: 300000 }, (t) => {
  const logs = path.join(DATA, 'logs');
  if (!existsSync(logs)) {
    t.skip(`no test data in ${logs}`);
    return;
  }
  for (const name of ['sepsis', 'interval_event_log', 'reviewing', 'running_example', 'teleclaims', 'bpic2013_closed']) {
    const file = path.join(logs, `${name}.csv.gz`);
    const lines = gunzipSync(readFileSync(file)).toString().trimEnd().split('\n').length - 1;
    const report = store.import([file, '--source', name]);
    assert.deepEqual([report.rows_read, report.rows_imported, report.rows_rejected], [lines, lines, 0], name);
    assert.equal(report.mapping.find((m) => m.role === 'case').column, 'case_id');
  }
  const rows = gunzipSync(readFileSync(path.join(logs, 'sepsis.csv.gz'))).toString().split('\n').filter((line) => line.split(',')[1] === 'NA');
  const [na] = store.query("SELECT count() AS n FROM sextant.sepsis WHERE case_id = 'NA'");
  assert.ok(rows.length > 0);
  assert.equal(na.n, rows.length);
});

test('the program under test is there', () => {
  assert.ok(statSync(SEXTANT).isFile());
});
