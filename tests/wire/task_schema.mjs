// The messages of io.modelcontextprotocol/tasks, written from the extension's text; the core schema
// of 2026-07-28 has no word of them. Closed where the extension lists every member, so that a
// misspelt one is found.
const core = (name) => ({ $ref: `2026-07-28#/$defs/${name}` });
const time = { type: 'string', format: 'date-time' };
const fields = {
  taskId: { type: 'string', minLength: 1 },
  statusMessage: { type: 'string' },
  createdAt: time,
  lastUpdatedAt: time,
  ttlMs: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }] },
  pollIntervalMs: { type: 'integer', minimum: 1 },
};

// A task in this status, with what that status shows, and `more`.
function task(status, shown, more) {
  const properties = { ...fields, status: { const: status }, ...shown, ...more };
  const optional = ['statusMessage', 'pollIntervalMs', '_meta'];
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

function anyTask(more) {
  return {
    oneOf: [
      task('working', {}, more),
      task('input_required', { inputRequests: { ...core('InputRequests'), minProperties: 1 } }, more),
      task('completed', { result: core('CallToolResult') }, more),
      task('failed', { error: core('Error') }, more),
      task('cancelled', {}, more),
    ],
  };
}

const meta = core('ResultMetaObject');
const ack = {
  type: 'object',
  properties: { resultType: { const: 'complete' }, _meta: meta },
  required: ['resultType'],
  additionalProperties: false,
};
const notified = anyTask({ _meta: core('NotificationMetaObject') });

export const TASK_SCHEMA = {
  $id: 'tasks',
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $defs: {
    CreateTaskResult: task('working', {}, { resultType: { const: 'task' }, _meta: meta }),
    GetTaskResult: anyTask({ resultType: { const: 'complete' }, _meta: meta }),
    TaskAckResult: ack,
    TaskNotification: {
      type: 'object',
      properties: { jsonrpc: { const: '2.0' }, method: { const: 'notifications/tasks' }, params: notified },
      required: ['jsonrpc', 'method', 'params'],
      additionalProperties: false,
    },
  },
};
