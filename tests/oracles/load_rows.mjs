// Runs SQL statements against the embedded store of a directory, for tests that need rows which
// `sextant import` does not write. No sextant may run on the store meanwhile.
//
//     node load_rows.mjs DIR FILE.json     FILE.json: a list of statements
//
// The engine comes from node_modules of the repository, or of SEXTANT_NODE_ROOT.
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = process.env.SEXTANT_NODE_ROOT ?? join(dirname(fileURLToPath(import.meta.url)), '../..');
const { Session } = createRequire(join(root, 'package.json'))('chdb');

const [directory, file] = process.argv.slice(2);
if (file === undefined) {
  console.error('usage: load_rows.mjs DIR FILE.json');
  process.exit(2);
}
mkdirSync(directory, { recursive: true });
const session = new Session(join(directory, 'engine'));
let failed = false;
for (const statement of JSON.parse(readFileSync(file, 'utf8'))) {
  try {
    session.query(statement);
  } catch (error) {
    console.error(`${statement.slice(0, 200)}\n${String(error).slice(0, 2000)}`);
    failed = true;
    break;
  }
}
session.close?.();
process.exit(failed ? 1 : 0);
