// Every message that the product sent, recorded on the wire, against the official schema of the
// revision it was sent in.
//   node emitted_check.mjs FOLDER
// FOLDER holds, at any depth, one recording per connection, *.jsonl: {"from": "client" | "server", "text": one
// message, "version": what the HTTP header said, if any}. schema_check.mjs does the validation.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CLAIM = 'io.modelcontextprotocol/protocolVersion';
const SERVED = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'];
const FIRST_ASKED = '2025-11-25'; // before anything has been agreed on

// What a connection knows: the revision agreed on and the request behind each open id.
function follow(lines) {
  const open = new Map();
  let agreed = FIRST_ASKED, last = FIRST_ASKED;
  const out = [];
  for (const { from, text, version } of lines) {
    if (from === 'end') continue;
    let message;
    try {
      message = JSON.parse(text);
    } catch (error) {
      if (from === 'client') continue; // a test that sends what is no JSON
      throw new Error(`the server wrote a line that is no JSON: ${text.slice(0, 500)}`, { cause: error });
    }
    if (from === 'client') {
      const claimed = message.params?._meta?.[CLAIM] ?? version;
      last = SERVED.includes(claimed) ? claimed : agreed;
      if (message.id !== undefined) open.set(message.id, { method: message.method, revision: last });
      continue;
    }
    const asked = open.get(message.id);
    if (asked?.method === 'initialize' && message.result) {
      agreed = message.result.protocolVersion;
      asked.revision = agreed;
    }
    const kind = message.method ?? (message.error ? 'error' : asked?.method);
    if (kind === undefined) throw new Error(`an answer that nobody asked for: ${text.slice(0, 500)}`);
    out.push({ revision: asked?.revision ?? last, direction: 'server', kind, message });
    if (message.method === undefined) open.delete(message.id);
  }
  return out;
}

// {status, text}: 0 = all valid, 77 = the schemas are not there.
export function checkRecordings(folder) {
  const read = (name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').map((l) => JSON.parse(l));
  const messages = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.jsonl')).flatMap((name) => follow(read(name)));
  const scratch = mkdtempSync(join(tmpdir(), 'sextant-emitted-'));
  try {
    const file = join(scratch, 'messages.jsonl');
    writeFileSync(file, messages.map((m) => `${JSON.stringify(m)}\n`).join(''));
    const run = spawnSync(process.execPath, [join(import.meta.dirname, 'schema_check.mjs'), '--messages', file],
      { encoding: 'utf8', maxBuffer: 64 << 20 });
    return { status: run.status, text: `${run.stdout}${run.stderr}`, count: messages.length };
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

if (process.argv[1] === import.meta.filename) {
  const { status, text } = checkRecordings(process.argv[2]);
  process.stdout.write(text);
  process.exit(status);
}
