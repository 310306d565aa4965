// The tools that say what there is, in the table of tools.mjs: what they answer, and what they refuse.
import assert from 'node:assert/strict';

// A period of the data, given where its default (the last 30 days of the data) would not do.
export const WEEK = { from: '2026-01-05', to: '2026-01-12' };

export const discoveryTools = (facts, { common, source, period, filters, limit, cursor }) => ({
  list_sources: {
    good: [{
      args: {},
      check(result, store) {
        const [shop] = result.sources;
        assert.equal(shop.name, 'shop');
        assert.equal(shop.events, store.rows);
        assert.deepEqual(shop.case_fields, ['order_id']);
      },
    }],
    bad: common({}),
  },

  describe_source: {
    good: [{
      args: { search: 'plan' },
      check(result) {
        assert.deepEqual(result.fields.map((f) => f.field), ['plan']);
      },
    }, {
      args: { ...WEEK, limit: 3 },
      check(result) { assert.equal(result.fields.length, 3); },
    }, {
      args: { ...WEEK, search: 'device', segment: { did: ['checkout'] } }, says: /^1 field with values on [\d,]+ events of the segment in source 'shop'/,
      check(result) { assert.deepEqual(result.fields[0].top.map((t) => t.value), ['mobile']); },
    }],
    bad: [...common({}), ...source({}), ...period({}), ...limit({}), ...cursor({}),
      { args: { segment: { did: ['chekout'] } }, field: 'segment.did[0].event', says: /checkout/ },
      { args: { search: 7.5 }, field: 'search', says: /string|text/ }],
  },

  list_events: {
    good: [{
      args: WEEK,
      check(result) {
        const names = result.events.map((e) => e.event);
        assert.ok(names.includes(facts.odd), names.join());
        assert.equal(result.events.find((e) => e.event === 'checkout').count, facts.funnel[2]);
      },
    }, {
      args: { search: '{p:String}', ...WEEK },
      check(result) { assert.deepEqual(result.events.map((e) => e.event), [facts.odd]); },
    }, {
      args: { ...WEEK, segment: { did: ['checkout'] } }, says: /; the most frequent of the segment is/,
      check(result) {
        const of = (name) => result.events.find((e) => e.event === name);
        assert.deepEqual([of('checkout').actors, of('heartbeat').count, of('view').actors], [facts.funnel[2], 0, facts.funnel[2]]);
        assert.ok(of('heartbeat').first_seen, 'when it was seen is of all');
      },
    }, {
      args: { ...WEEK, segment: { did: ['checkout'], did_not: ['checkout'] } }, says: /; no event of the segment in this period/,
      check(result) { assert.ok(result.events.every((e) => e.count === 0)); },
    }],
    bad: [...common({}), ...source({}), ...period({}), ...limit({}), ...cursor({}),
      { args: { segment: { did: ['chekout'] } }, field: 'segment.did[0].event', says: /checkout/ },
      { args: { min_count: -1 }, field: 'min_count', says: /0 to/ }],
  },

  data_quality: {
    good: [{
      args: { ...WEEK },
      check(result) { for (const issue of result.issues) assert.ok(issue.evidence.length > 10 && issue.fix.length > 10, JSON.stringify(issue)); },
    }, {
      args: { checks: ['nulls', 'clock'], filters: [{ field: 'event', value: 'heartbeat' }], ...WEEK },
      check(result) { assert.deepEqual(result.issues.map((i) => [i.kind, i.field]), [['nulls', 'session']]); },
    }, {
      args: { checks: 'gaps', segment: { did: ['checkout'] }, limit: 1 },
      check(result) { assert.ok(result.issues.length <= 1); },
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}), ...limit({}), ...cursor({}),
      { args: { checks: ['typos'] }, field: 'checks[0]', says: /similar_names/ },
      { args: { checks: 7 }, field: 'checks', says: /gaps/ },
      { args: { segment: { did: ['chekout'] } }, field: 'segment.did[0].event', says: /checkout/ },
      { args: { segment: 'nobody' }, field: 'segment', says: /no segment 'nobody'/ }],
  },

  property_values: {
    good: [{
      args: { field: 'device', event: 'view', ...WEEK },
      check(result) {
        assert.deepEqual(result.values.map((v) => v.value).sort(), ['desktop', 'mobile', 'tablet']);
        assert.equal(result.values.reduce((n, v) => n + v.actors, 0), facts.funnel[0]);
        assert.equal(result.other, 0);
      },
    }, {
      args: { field: 'event', filters: [{ field: 'event', value: facts.odd }], ...WEEK },
      says: /^1 value of 'event' on 1 event; .*Period: 2026-01-05 to 2026-01-12\./,
    }, {
      args: { field: 'actor', prefix: 'U1', limit: 2, filters: [{ field: 'event', value: 'view' }], segment: { did: ['checkout'] }, ...WEEK },
      check(result) {
        assert.equal(result.values.length, 2);
        assert.ok(result.other > 0 && result.cursor && result.values.every((v) => v.value.startsWith('u1') && v.actors === 1));
      },
    }, {
      args: { field: 'device', event: { any_of: ['view', { event: 'checkout', where: [{ field: 'plan', value: 'pro' }] }] }, limit: 1, cursor: 'o99', ...WEEK },
      check(result) { assert.deepEqual([result.values, result.other], [[], 0]); },
    }],
    bad: [...common({ field: 'device' }), ...source({ field: 'device' }), ...period({ field: 'device' }), ...filters({ field: 'device' }),
      ...limit({ field: 'device' }), ...cursor({ field: 'device' }),
      { args: {}, field: 'field', says: /missing|required/ },
      { args: { field: 'devise' }, field: 'field', says: /device/ },
      { args: { field: 'device', event: 'vieww' }, field: 'event.event', says: /view/ },
      { args: { field: 'device', prefix: ['a', 'b'] }, field: 'prefix', says: /string|text/ }],
  },
});
