// The published schema against what the server really accepts: random arguments, recorded with
// bind's verdict by the unit test, go through an independent validator. Whatever the schema accepts
// bind must accept, and what bind returns must satisfy the schema.
//   node bind_check.mjs PATH-OF-test_bind
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SKIPPED = 77;

let Ajv;
try {
  ({ default: Ajv } = await import('ajv/dist/2020.js'));
} catch {
  console.log('skipped: the validator (npm package ajv) is not installed; run: npm ci');
  process.exit(SKIPPED);
}

const binary = process.argv[2];
if (!binary) {
  console.error('usage: bind_check.mjs PATH-OF-test_bind');
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'sextant-bind-'));
const cases = join(folder, 'cases.jsonl');
const run = spawnSync(binary, [], {
  env: { ...process.env, SEXTANT_BIND_CASES: cases }, encoding: 'utf8',
});
if (run.status !== 0) {
  console.error(run.stdout, run.stderr);
  process.exit(1);
}
const [first, ...lines] = readFileSync(cases, 'utf8').trimEnd().split('\n').map((l) => JSON.parse(l));
rmSync(folder, { recursive: true });

const validate = new Ajv({ strict: true, allErrors: false }).compile(first.schema);
let bothAccept = 0, bothRefuse = 0, lenient = 0, failed = 0;
const fail = (what, line) => {
  failed += 1;
  if (failed <= 5) console.error(what, JSON.stringify(line), validate.errors ?? '');
};
for (const line of lines) {
  const schemaAccepts = validate(line.arguments);
  if (schemaAccepts && !line.accepted) fail('schema accepts, bind refuses:', line);
  else if (schemaAccepts) bothAccept += 1;
  else if (line.accepted) lenient += 1;
  else bothRefuse += 1;
  if (line.accepted && !line.hidden && !validate(line.values)) fail('outcome off schema:', line);
}
console.log(`${lines.length} arguments: ${bothAccept} accepted by both, ${bothRefuse} refused by both, `
  + `${lenient} more accepted by bind, ${failed} failed`);
if (bothAccept < lines.length / 10 || bothRefuse < lines.length / 10) {
  console.error('the generator no longer reaches both verdicts');
  process.exit(1);
}
process.exit(failed === 0 ? 0 : 1);
