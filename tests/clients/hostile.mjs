// Arguments that mean harm: every text argument of a tool, found through its schema, with texts that
// would be trouble if one of them reached SQL, a log line or a C string.
export const texts = [
  "'; DROP TABLE shop --",
  "'); DROP DATABASE sextant SYNC; --",
  '{p:String}',
  '{p1:Int64} {names:Array(String)} $table $event',
  '\\',
  "\\'; SELECT sleep(3) --",
  '`sextant`.`shop`',
  "event') UNION ALL SELECT name, 1, 1 FROM system.users --",
  'a\u0000b',
  '\n\r\t\u0001\u2028\ufffd',
  '%s%n%%\u{1f600}',
];

// Paths of all text arguments, '[]' standing for an item of a list.
export function* textPaths(schema, path = []) {
  if (schema.type === 'string') yield path;
  for (const [name, member] of Object.entries(schema.properties ?? {})) yield* textPaths(member, [...path, name]);
  if (schema.items) yield* textPaths(schema.items, [...path, '[]']);
}

// The least that an object needs besides the member under attack.
function minimal(schema) {
  if (schema.type === 'object')
    return Object.fromEntries((schema.required ?? []).map((name) => [name, minimal(schema.properties[name])]));
  if (schema.type === 'array') return [];
  if (schema.type === 'string') return schema.enum?.[0] ?? 'device';
  return schema.minimum ?? 1;
}

// A copy of `value` with the text at `path`; lists and objects on the way are made as needed.
export function withText(schema, value, [step, ...rest], text) {
  if (step === undefined) return text;
  if (step === '[]') {
    const items = Array.isArray(value) ? [...value] : [];
    items[0] = withText(schema.items, items[0], rest, text);
    return items;
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const object = isObject ? { ...value } : minimal(schema);
  object[step] = withText(schema.properties[step], object[step], rest, text);
  return object;
}

// Every argument of a tool with every text in it, on top of a call that works.
export function* attacks(schema, good) {
  for (const path of textPaths(schema))
    for (const text of texts)
      yield { path: path.join('.').replaceAll('.[]', '[0]'), text, args: withText(schema, good, path, text) };
}
