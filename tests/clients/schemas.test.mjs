// The published tools against what clients and model APIs are known to choke on, and the sizes that
// a context window can bear. No engine is needed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import Ajv2020 from 'ajv/dist/2020.js';

import { RawStdio, SEXTANT, environment } from './store.mjs';
import { tools as table } from './tools.mjs';

const INPUT_SCHEMA_MAX = 4000, LIST_MAX = 40000; // bytes
const DESCRIPTION_MAX = 1024, INSTRUCTIONS_MAX = 2000; // characters: what hosts cut at
const NESTING_MAX = 5; // objects and arrays within each other
const TYPES = ['string', 'integer', 'number', 'boolean', 'object', 'array'];
const KEYWORDS = ['type', 'description', 'properties', 'required', 'additionalProperties', 'items',
  'enum', 'default', 'minimum', 'maximum', 'minItems', 'maxItems', 'maxLength', 'minLength'];

const folder = mkdtempSync(join(tmpdir(), 'sextant-clients-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const env = environment(folder);
const bytes = (value) => Buffer.byteLength(JSON.stringify(value));

function listed(...flags) {
  const run = spawnSync(SEXTANT, ['tools', '--json', '--data', join(folder, 'store'), ...flags],
    { encoding: 'utf8', env, maxBuffer: 64 << 20 });
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout);
}

// Every schema within a schema, with the path that leads to it.
function* walk(schema, path) {
  yield [path, schema];
  for (const [name, member] of Object.entries(schema.properties ?? {})) yield* walk(member, `${path}.${name}`);
  if (schema.items) yield* walk(schema.items, `${path}[]`);
}

function checkFlat(root, schema) {
  for (const [path, part] of walk(schema, root)) {
    for (const keyword of Object.keys(part))
      assert.ok(KEYWORDS.includes(keyword), `${path} uses ${keyword}`);
    assert.ok(TYPES.includes(part.type), `${path} has the type ${JSON.stringify(part.type)}`);
    assert.equal(part.type === 'array', part.items !== undefined, `${path}: items`);
    for (const name of part.required ?? [])
      assert.ok(part.properties?.[name], `${path} requires ${name}, which it does not have`);
    if (part.enum) assert.equal(part.type, 'string', `${path}: an enum of another type than text`);
    for (const choice of part.enum ?? []) assert.ok(typeof choice === 'string' && choice !== '', `${path}: ${choice}`);
    assert.notEqual(typeof part.additionalProperties, 'object', `${path}: additionalProperties`);
    for (const keyword of ['default', 'minimum', 'maximum'])
      if (typeof part[keyword] === 'number')
        assert.ok(Math.abs(part[keyword]) <= Number.MAX_SAFE_INTEGER, `${path}: ${keyword}`);
    const depth = path.split(/\.|\[\]/).length - 1;
    assert.ok(depth <= NESTING_MAX + 2, `${path} is nested too deep`);
  }
}

const all = listed('--toolsets', 'all');

test('every tool is in the table of the client tests', () => {
  const names = all.map((tool) => tool.name);
  assert.deepEqual(names.filter((name) => !table[name]), [], 'add them to tools.mjs');
  assert.deepEqual(Object.keys(table).filter((name) => !names.includes(name)), []);
  for (const [name, { good, bad }] of Object.entries(table))
    assert.ok(good.length > 0 && bad.length > 0, `${name} needs a good and a bad call`);
});

test('schemas are what every client accepts', () => {
  for (const tool of all) {
    assert.match(tool.name, /^[a-z0-9_]{1,30}$/);
    assert.ok(tool.description?.length > 20, `${tool.name}: description`);
    assert.ok(tool.description.length <= DESCRIPTION_MAX, `${tool.name}: description`);
    assert.ok(tool.title, `${tool.name}: title`);
    assert.equal(tool.annotations?.readOnlyHint, true);
    for (const key of ['inputSchema', 'outputSchema']) {
      assert.equal(tool[key].type, 'object', `${tool.name}.${key} must be an object at the root`);
      checkFlat(`${tool.name}.${key}`, tool[key]);
      new Ajv2020({ strict: true }).compile(tool[key]); // a valid schema without unknown keywords
    }
    assert.equal(tool.inputSchema.additionalProperties, false);
    for (const [path, part] of walk(tool.inputSchema, tool.name))
      if (path !== tool.name && !path.endsWith('[]'))
        assert.ok(part.description?.length > 3, `${path}: description`);
  }
});

test('defaults and examples satisfy their own schemas', () => {
  for (const tool of all) {
    const ajv = new Ajv2020({ strict: true });
    for (const [path, part] of walk(tool.inputSchema, tool.name))
      if (part.default !== undefined) {
        const validate = ajv.compile(part);
        assert.ok(validate(part.default), `${path}: ${JSON.stringify(validate.errors)}`);
      }
  }
});

test('the definitions fit into a context window', (t) => {
  const core = listed();
  t.diagnostic(`tools/list of the core set: ${bytes(core)} bytes in ${core.length} tools`);
  for (const tool of all) {
    t.diagnostic(`${tool.name}: input schema ${bytes(tool.inputSchema)}, output schema ${bytes(tool.outputSchema)}`);
    assert.ok(bytes(tool.inputSchema) < INPUT_SCHEMA_MAX, `${tool.name}: ${bytes(tool.inputSchema)} bytes`);
  }
  const largest = all.reduce((a, b) => (bytes(a.inputSchema) > bytes(b.inputSchema) ? a : b));
  t.diagnostic(`the largest input schema: ${largest.name}, ${bytes(largest.inputSchema)} bytes`);
  assert.ok(bytes(core) < LIST_MAX);
});

test('the protocol lists what the command line lists, in one page', async (t) => {
  const server = new RawStdio({ data: join(folder, 'store'), env });
  t.after(() => server.close());
  const { result } = await server.request('tools/list');
  assert.deepEqual(result.tools, listed());
  assert.equal(result.nextCursor, undefined);
});

test('the instructions and prompts are what every client accepts', async (t) => {
  const server = new RawStdio({ data: join(folder, 'store'), env });
  t.after(() => server.close());
  const { result: { instructions } } = await server.request('server/discover');
  assert.ok(instructions.length > 100 && instructions.length <= INSTRUCTIONS_MAX);
  const { result: { prompts, nextCursor } } = await server.request('prompts/list');
  assert.equal(nextCursor, undefined);
  assert.ok(prompts.length > 0);
  for (const prompt of prompts) {
    assert.match(prompt.name, /^[a-z0-9_]{1,30}$/);
    assert.ok(prompt.description?.length > 20 && prompt.description.length <= DESCRIPTION_MAX, prompt.name);
    for (const argument of prompt.arguments ?? []) {
      assert.match(argument.name, /^[a-z0-9_]{1,30}$/);
      assert.ok(argument.description?.length > 3, `${prompt.name}.${argument.name}`);
    }
  }
});
