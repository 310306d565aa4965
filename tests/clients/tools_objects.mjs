// The tools of objects in the table of tools.mjs: what they answer, and what they refuse.
import assert from 'node:assert/strict';

export const objectTools = (facts, { common, source, period, filters, limit, cursor }) => ({
  object_summary: {
    good: [{
      args: { object_fields: ['order_id', 'resource'] },
      check(result) {
        const events = facts.cases * 4 - facts.skipped;
        assert.deepEqual([result.objects, result.relations], [facts.cases + 4, 2 * events]);
        assert.deepEqual(result.types, [{ type: 'order_id', objects: facts.cases, relations: events, events },
          { type: 'resource', objects: 4, relations: events, events }]);
        assert.deepEqual(result.convergence, []);
        assert.deepEqual(result.divergence.map((d) => [d.activity, d.type, d.objects]), [...facts.process].sort().map((name) => [name, 'resource', 4]));
      },
      says: /4 objects of type resource have 'order_checked' more than once/,
    }, {
      args: { object_fields: ['order_id'], from: '2026-01-08', to: '2026-01-08', filters: [{ field: 'event', value: 'order_checked' }] },
      check(result) { assert.ok(result.objects > 10 && result.objects < 24); }, // those that began then, without the skipped ones
    }, {
      args: { object_fields: ['order_id', 'resource'], segment: { did: ['order_packed'], did_not: ['order_checked'] } }, // of objects: every clerk checks
      check(result) {
        assert.deepEqual(result.types, [{ type: 'order_id', objects: facts.skipped, relations: facts.skipped * 3, events: facts.skipped * 3 },
          { type: 'resource', objects: 0, relations: 0, events: 0 }]);
      },
    }, {
      args: { object_fields: ['order_id'], segment: { did: ['order_packed'], did_not: ['order_packed'] } },
      check(result) { assert.deepEqual([result.objects, result.activity_objects, result.convergence, result.divergence], [0, [], [], []]); },
      says: /^No object begins in the period and passes filters and segment, of 'order_id'/,
    }],
    bad: [...common({ object_fields: ['resource'] }), ...source({ object_fields: ['resource'] }), ...period({ object_fields: ['resource'] }),
      ...filters({ object_fields: ['resource'] }),
      { args: {}, field: 'object_fields', says: /no object types/ },
      { args: { object_fields: ['resourse'] }, field: 'object_fields[0]', says: /resource/ },
      { args: { object_fields: ['resource'], segment: 'nobody' }, field: 'segment', says: /no segment 'nobody'/ },
    ],
  },

  object_map: {
    good: [{
      args: { type: 'order_id' },
      check(result) {
        const [received, checked, packed, sent] = facts.process;
        const [type] = result.types;
        assert.deepEqual([type.objects, type.distinct_variants], [facts.cases, 2]);
        assert.deepEqual(type.variants[0].activities, facts.process);
        assert.deepEqual(type.edges, [{ from: packed, to: sent, count: facts.cases },
          { from: checked, to: packed, count: facts.cases - facts.skipped }, { from: received, to: checked, count: facts.cases - facts.skipped },
          { from: received, to: packed, count: facts.skipped }]);
        assert.deepEqual([type.starts, type.ends], [[{ activity: received, objects: facts.cases }], [{ activity: sent, objects: facts.cases }]]);
        assert.deepEqual([result.interactions, result.handoffs], [[], []]);
      },
    }, {
      args: { type: 'order_id', segment: { did_not: [{ event: 'order_checked' }] } },
      check(result) {
        const [received, , packed, sent] = facts.process;
        assert.deepEqual(result.types[0].edges, [{ from: packed, to: sent, count: facts.skipped }, { from: received, to: packed, count: facts.skipped }]);
      },
    }],
    bad: [...common({ type: 'resource' }), ...source({ type: 'resource' }), ...period({ type: 'resource' }), ...filters({ type: 'resource' }),
      { args: {}, field: 'type', says: /no object types/ },
      { args: { type: 'resourse' }, field: 'type', says: /resource/ },
      { args: { type: 'resource', segment: {} }, field: 'segment', says: /did, did_not or filters/ },
    ],
  },

  object_contention: {
    good: [{
      args: { type: 'device', case: 'actor' },
      check(result) {
        assert.ok(result.objects.length === 3 && result.objects.every((o) => o.wait_p95_s >= o.wait_median_s));
        assert.ok(result.objects[0].waiting_cases <= facts.funnel[0] / 3);
      },
      says: /The queue is longest for device /,
    }, {
      args: { type: 'resource' }, // a clerk's next order begins when the last one is done
      check(result) { assert.deepEqual(result.objects, []); },
      says: /Nothing waited/,
    }],
    bad: [...common({ type: 'resource' }), ...source({ type: 'resource' }), ...period({ type: 'resource' }), ...filters({ type: 'resource' }),
      ...limit({ type: 'resource' }), ...cursor({ type: 'resource' }),
      { args: {}, field: 'type', says: /missing|required/ },
      { args: { type: 'resourse' }, field: 'type', says: /resource/ },
      { args: { type: 'resource', case: 'order' }, field: 'case', says: /order_id/ },
    ],
  },
});
