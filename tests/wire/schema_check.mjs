// Every message that the server's unit test made it send, against the official schema of the
// revision it was sent in.
//   node schema_check.mjs PATH-OF-test_server
//   node schema_check.mjs --messages FILE    (already recorded: JSON lines)
// A line is {revision, direction, kind, message}; kind is the method that a result answers, the
// method of a notification, "error" or "batch".
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { TASK_SCHEMA } from './task_schema.mjs';

const SKIPPED = 77;
const REVISIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'];

// What the envelope carries: the definition of a result or of a notification.
const DEFINITIONS = {
  initialize: 'InitializeResult',
  ping: 'EmptyResult',
  'server/discover': 'DiscoverResult',
  'tools/list': 'ListToolsResult',
  'tools/call': 'CallToolResult',
  'resources/list': 'ListResourcesResult',
  'resources/templates/list': 'ListResourceTemplatesResult',
  'resources/read': 'ReadResourceResult',
  'resources/subscribe': 'EmptyResult',
  'resources/unsubscribe': 'EmptyResult',
  'prompts/list': 'ListPromptsResult',
  'prompts/get': 'GetPromptResult',
  'completion/complete': 'CompleteResult',
  'subscriptions/listen': 'SubscriptionsListenResult',
  'notifications/subscriptions/acknowledged': 'SubscriptionsAcknowledgedNotification',
  'notifications/tools/list_changed': 'ToolListChangedNotification',
  'notifications/prompts/list_changed': 'PromptListChangedNotification',
  'notifications/resources/list_changed': 'ResourceListChangedNotification',
  'notifications/resources/updated': 'ResourceUpdatedNotification',
  'notifications/progress': 'ProgressNotification',
  'notifications/message': 'LoggingMessageNotification',
  'notifications/cancelled': 'CancelledNotification',
  'logging/setLevel': 'EmptyResult',
  'elicitation/create': 'ElicitRequest',
  'sampling/createMessage': 'CreateMessageRequest',
  'roots/list': 'ListRootsRequest',
  'tasks/get': 'GetTaskResult',
  'tasks/update': 'TaskAckResult',
  'tasks/cancel': 'TaskAckResult',
  'notifications/tasks': 'TaskNotification',
};
// A result that says itself what it is instead.
const RESULT_TYPES = { input_required: 'InputRequiredResult', task: 'CreateTaskResult' };
// Error codes whose whole response has a definition of its own (2026-07-28).
const ERRORS = {
  '-32020': 'HeaderMismatchError',
  '-32021': 'MissingRequiredClientCapabilityError',
  '-32022': 'UnsupportedProtocolVersionError',
};

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(SKIPPED);
}

const [source, file] = process.argv.slice(2);
if (!source) {
  console.error('usage: schema_check.mjs (PATH-OF-test_server | --messages FILE)');
  process.exit(2);
}
const data = process.env.SEXTANT_TEST_DATA ?? resolve(import.meta.dirname, '../../../shared/data');
const schemas = join(data, 'mcp_schema');
if (!existsSync(join(schemas, `${REVISIONS[0]}.json`))) {
  skip(`no schemas in ${schemas}; set SEXTANT_TEST_DATA to the folder of test data`);
}
let Ajv, Ajv2020, formats;
try {
  ({ default: Ajv } = await import('ajv'));
  ({ default: Ajv2020 } = await import('ajv/dist/2020.js'));
  ({ default: formats } = await import('ajv-formats'));
} catch {
  skip('the npm packages ajv and ajv-formats are not installed; run: npm ci');
}

function record() {
  const folder = mkdtempSync(join(tmpdir(), 'sextant-emitted-'));
  try {
    const path = join(folder, 'emitted.jsonl');
    const run = spawnSync(source, [], {
      env: { ...process.env, SEXTANT_EMITTED: path }, encoding: 'utf8',
    });
    if (run.status !== 0) {
      console.error(run.stdout, run.stderr);
      process.exit(1);
    }
    return readFileSync(path, 'utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// One validator per revision; `at` compiles one of its definitions.
function load(revision) {
  const schema = JSON.parse(readFileSync(join(schemas, `${revision}.json`), 'utf8'));
  const Validator = schema.$schema.includes('2020-12') ? Ajv2020 : Ajv;
  const root = schema.$defs ? '$defs' : 'definitions';
  const ajv = new Validator({ strict: false, allErrors: true });
  formats(ajv);
  ajv.addSchema(schema, revision);
  const hasTasks = revision === '2026-07-28';
  if (hasTasks) ajv.addSchema(TASK_SCHEMA);
  const at = (name) => (schema[root][name] && ajv.getSchema(`${revision}#/${root}/${name}`))
    ?? (hasTasks && TASK_SCHEMA.$defs[name] && ajv.getSchema(`tasks#/$defs/${name}`));
  return { revision, at };
}

function names(kind, message) {
  if (kind !== 'error') {
    return kind === 'batch' ? [] : [RESULT_TYPES[message.result?.resultType] ?? DEFINITIONS[kind]];
  }
  return ['JSONRPCErrorResponse', 'JSONRPCError', ERRORS[message.error.code]];
}

let checked = 0, failed = 0;
const seen = new Map();

function fail(line, what) {
  failed += 1;
  console.error(`${what}\n  ${JSON.stringify(line)}`);
}

function check(validators, line) {
  const { revision, kind, message } = line;
  const { at } = validators.get(revision);
  // Classic JSON-RPC wants a null where the id could not be read; the schemas have no word for it.
  const isUnreadable = [-32700, -32600].includes(message.error?.code) && message.id === null;
  const whole = isUnreadable && revision < '2026-07-28' ? { ...message, id: 0 } : message;
  const parts = [['JSONRPCMessage', whole]];
  for (const name of names(kind, message)) {
    if (kind !== 'error' && !name) return fail(line, `no definition is known for "${kind}"`);
    if (name && at(name)) parts.push([name, kind === 'error' ? whole : message.result ?? message]);
  }
  if (kind !== 'batch' && parts.length < 2) return fail(line, `${revision} does not define "${kind}"`);
  for (const [name, value] of parts) {
    const validate = at(name);
    if (!validate(value)) {
      const why = validate.errors.map((e) => `${e.instancePath} ${e.message}`).join('; ');
      return fail(line, `not a valid ${name} of ${revision}: ${why}`);
    }
  }
  if (kind === 'batch') {
    message.filter((m) => m.error).forEach((m) => check(validators, { revision, kind: 'error', message: m }));
  }
  checked += 1;
  const key = `${revision} ${kind === 'error' ? message.error.code : kind}`;
  seen.set(key, (seen.get(key) ?? 0) + 1);
}

const text = source === '--messages' ? readFileSync(file, 'utf8') : record();
const validators = new Map(REVISIONS.map((revision) => [revision, load(revision)]));

// The check itself: what it must refuse.
const sample = { jsonrpc: '2.0', id: 1, result: { tools: [] } };
const list = validators.get('2026-07-28').at('ListToolsResult');
if (list(sample.result) || validators.get('2025-11-25').at('JSONRPCMessage')({ id: 1 })) {
  console.error('the schemas let through what they must refuse');
  process.exit(1);
}

for (const line of text.trimEnd().split('\n')) check(validators, JSON.parse(line));
for (const [key, count] of [...seen].sort()) console.log(`${key}: ${count}`);
console.log(`${checked} passed, ${failed} failed`);
process.exit(failed > 0 || checked === 0 ? 1 : 0);
