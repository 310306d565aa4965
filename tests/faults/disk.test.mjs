// A disk that is full: a small file system of our own (in a user namespace, so without privileges)
// under the store. What was stored stays, errors say what is the matter, and when there is room again
// everything works.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { SEXTANT, engineProblem } from '../clients/store.mjs';
import { Rig } from './rig.mjs';

const SIZE = '24m';
const canMount = spawnSync('unshare', ['-Urm', 'sh', '-c', 'mount -t tmpfs -o size=1m none /mnt']).status === 0;
const problem = engineProblem() || (canMount ? '' : 'no file system may be mounted here');

describe('a full disk', { skip: problem || false }, () => {
  let rig, big;
  before(() => {
    rig = new Rig('disk');
    mkdirSync(rig.data);
    const rows = (n, event) => Array.from({ length: n }, (_, i) => `2026-03-01T00:${String(i % 60).padStart(2, '0')}:00Z,${event},u${i},${'abcdefghij'.repeat(3)}${Math.imul(i, 2654435761) >>> 0}\n`).join('');
    writeFileSync(join(rig.folder, 'small.csv'), `time,event,actor,note\n${rows(500, 'kept')}`);
    big = join(rig.folder, 'big.csv');
    writeFileSync(big, `time,event,actor,note\n${rows(400000, 'lost')}`);
  });
  after(() => rig?.remove());

  // Runs a script with the small disk at $DATA; each step writes its output to a file of the folder.
  function within(steps) {
    const script = [`mount -t tmpfs -o size=${SIZE} none "$DATA"`,
      ...steps.map(([name, command]) => `{ ${command}; echo "$?" >"$OUT/${name}.code"; } >"$OUT/${name}.out" 2>"$OUT/${name}.err"`)].join('\n');
    const run = spawnSync('unshare', ['-Urm', 'sh', '-c', script], {
      encoding: 'utf8', timeout: 90000, env: { ...rig.env, DATA: rig.data, OUT: rig.folder, SEXTANT, BIG: big, SMALL: join(rig.folder, 'small.csv') },
    });
    assert.equal(run.error, undefined, 'it hangs');
    const read = (name, kind) => readFileSync(join(rig.folder, `${name}.${kind}`), 'utf8');
    return Object.fromEntries(steps.map(([name]) => [name, { code: Number(read(name, 'code')), out: read(name, 'out'), err: read(name, 'err') }]));
  }

  const importing = (file, source) => `"$SEXTANT" import "${file}" --source ${source} --time time --event event --actor actor --data "$DATA"`;
  const events = (source) => `"$SEXTANT" call list_events '{"source":"${source}"}' --data "$DATA"`;
  const FILL = 'cat /dev/zero >"$DATA/filler"; df "$DATA"; true';

  test('stops an import and a call with an error that says so, and harms nothing', { timeout: 100000 }, () => {
    const did = within([
      ['kept', importing('$SMALL', 'kept')],
      ['big', importing('$BIG', 'lost')],
      ['after_big', events('kept')],
      ['sources', '"$SEXTANT" call list_sources --data "$DATA"'],
      ['fill', FILL],
      ['full_import', importing('$SMALL', 'more')],
      ['full_call', events('kept')],
      ['room', 'rm "$DATA/filler"'],
      ['again', importing('$SMALL', 'more')],
      ['after', events('kept')],
      ['after_more', events('more')],
    ]);
    const counts = (step) => JSON.parse(did[step].out).events.map(({ event, count }) => [event, count]);
    assert.equal(did.kept.code, 0, did.kept.err);
    for (const step of ['big', 'full_import']) {
      assert.notEqual(did[step].code, 0, `${step} claims to have worked`);
      assert.ok(did[step].code < 128, `${step} died: ${did[step].err}`);
      assert.match(did[step].err, /disk|space|room/i, step);
    }
    assert.deepEqual(counts('after_big'), [['kept', 500]]);
    assert.deepEqual(JSON.parse(did.sources.out).sources.map(({ name }) => name), ['kept'], 'half an import is left');
    // A call needs no room but for the engine's own start: it works, or says why not.
    if (did.full_call.code === 0) assert.deepEqual(counts('full_call'), [['kept', 500]]);
    else assert.match(did.full_call.err, /disk|space|room/i);
    assert.equal(did.again.code, 0, did.again.err);
    assert.deepEqual(counts('after'), [['kept', 500]]);
    assert.deepEqual(counts('after_more'), [['kept', 500]]);
  });
});
