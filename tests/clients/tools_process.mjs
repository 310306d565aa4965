// The tools of cases in the table of tools.mjs: what they answer, and what they refuse.
import assert from 'node:assert/strict';

export const processTools = (facts, { common, source, period, filters, limit, cursor }) => ({
  case_timeline: {
    good: [{
      args: { case_id: 'o1' },
      check(result) {
        const entry = (at, activity, gap_s) => ({ at: `2026-01-07T0${at}:00Z`, activity, gap_s, resource: 'clerk1' });
        assert.deepEqual(result.entries, [entry('1:10', 'order_received', 0), entry('1:30', 'order_checked', 1200),
          entry('2:00', 'order_packed', 1800), entry('2:40', 'order_sent', 2400)]);
        assert.deepEqual([result.duration_s, result.cursor], [5400, undefined]);
      },
      says: /^o1 took 1 h 30 min \(4 events, 2026-.*Longest gap: 40 min 0 s \(44\.4 %\) between order_packed and order_sent\.\n/,
    }, {
      // Entries of a page know the time since the page before.
      args: { case_id: 'o0', case: 'order_id', tz: 'Europe/Berlin', limit: 1, cursor: 'o1' },
      check(result) {
        assert.deepEqual(result.entries, [{ at: '2026-01-07T01:40:00+01:00', activity: 'order_packed', gap_s: 1800, resource: 'clerk0' }]);
        assert.deepEqual([result.duration_s, result.cursor], [4200, 'o2']);
      },
    }, {
      args: { case_id: 'o0', cursor: 'o9' },
      check(result) { assert.deepEqual([result.entries, result.duration_s], [[], 4200]); },
      says: /No more entries/,
    }],
    bad: [...common({ case_id: 'o1' }), ...source({ case_id: 'o1' }), ...limit({ case_id: 'o1' }), ...cursor({ case_id: 'o1' }),
      { args: {}, field: 'case_id', says: /missing|required/ },
      { args: { case_id: 'o1', tz: 'Mars/Olympus' }, field: 'tz', says: /Mars/ },
      { args: { case_id: 'o1', case: 'order' }, field: 'case', says: /order_id/ },
      { args: { case_id: 'O11 ' }, field: 'case_id', says: /no events of case 'O11 '; did you mean 'o11'\? Cases are called: o/ },
      { args: { case_id: '' }, field: 'case_id', says: /must not be empty/ }],
  },

  conformance_check: {
    good: [{
      args: { sequence: facts.process },
      check(result) {
        assert.equal(result.cases, facts.cases);
        assert.equal(result.conforming, facts.cases - facts.skipped);
        assert.deepEqual(result.deviations.map((d) => [d.kind, d.activity, d.cases]),
          [['skipped', 'order_checked', facts.skipped]]);
      },
    }, {
      args: { case: 'order_id', sequence: facts.process.slice(0, 2), match: 'directly_follows' },
      check(result) { assert.equal(result.conforming, facts.cases - facts.skipped); },
    }, {
      args: { edges: facts.process.slice(1).map((to, i) => ({ from: facts.process[i], to })) },
      check(result) {
        assert.equal(result.conforming, facts.cases - facts.skipped);
        assert.deepEqual(result.deviations.map((d) => [d.kind, d.from, d.expected, d.cases]),
          [['edge', 'order_received', 'order_checked', facts.skipped]]);
      },
    }, {
      args: { rules: [{ kind: 'init', a: facts.process[0] }, { kind: 'exists', a: 'order_checked' }, { kind: 'response', a: facts.process[0], b: 'order_checked' }] },
      check(result) {
        assert.deepEqual(result.rules.map((r) => [r.kind, r.activated, r.satisfied]),
          [['init', facts.cases, facts.cases], ['exists', facts.cases, facts.cases - facts.skipped], ['response', facts.cases, facts.cases - facts.skipped]]);
        assert.deepEqual(result.deviations.map((d) => [d.kind, d.rule, d.activity, d.cases]),
          [['rule', 'exists', 'order_checked', facts.skipped], ['rule', 'response', facts.process[0], facts.skipped]]);
      },
    }, {
      args: { temporal: { pairs: [{ from: facts.process[0], to: facts.process.at(-1), mean_s: 0, std_s: 0 }] } },
      check(result) {
        assert.equal(result.conforming, 0);
        assert.deepEqual(result.deviations.map((d) => [d.kind, d.from, d.activity, d.cases]),
          [['late', facts.process[0], facts.process.at(-1), facts.cases]]);
      },
    }, {
      args: { temporal: { learn: true, zeta: 1000 } },
      check(result) { assert.equal(result.conforming, facts.cases); },
    }],
    bad: [...common({ sequence: facts.process }), ...source({ sequence: facts.process }),
      ...period({ sequence: facts.process }), ...filters({ sequence: facts.process }),
      ...limit({ sequence: facts.process }),
      { args: {}, field: 'sequence', says: /missing|required/ },
      { args: { sequence: [] }, field: 'sequence', says: /1 to 100/ },
      { args: { sequence: ['order_recieved'] }, field: 'sequence[0]', says: /order_received/ },
      { args: { sequence: facts.process, match: 'about' }, field: 'match', says: /exact/ },
      { args: { sequence: facts.process, case: 'order' }, field: 'case', says: /order_id/ },
      { args: { sequence: facts.process, rules: [{ kind: 'init', a: 'order_received' }] }, field: 'rules', says: /one of sequence, edges, rules, temporal/ },
      { args: { edges: [{ from: 'order_received' }] }, field: 'edges[0].to', says: /missing/ },
      { args: { edges: [{ from: 'order_received', to: 'order_chekced' }] }, field: 'edges[0].to', says: /order_checked/ },
      { args: { rules: [{ kind: 'after', a: 'order_received' }] }, field: 'rules[0].kind', says: /four_eyes/ },
      { args: { rules: [{ kind: 'response', a: 'order_received' }] }, field: 'rules[0].b', says: /two activities/ },
      { args: { rules: [{ kind: 'init', a: 'order_received', b: 'order_checked' }] }, field: 'rules[0].b', says: /one activity/ },
      { args: { rules: [{ kind: 'init', a: 'order_received' }, { kind: 'last', a: 'order_received', n: 2 }] }, field: 'rules[1].n', says: /exists, absent, exactly/ },
      { args: { rules: [{ kind: 'four_eyes', a: 'order_received', b: 'order_received' }] }, field: 'rules[0].b', says: /different/ },
      { args: { temporal: { learn: false } }, field: 'temporal', says: /learn/ },
      { args: { temporal: { learn: true, pairs: [{ from: 'order_received', to: 'order_checked', mean_s: 1, std_s: 1 }] } }, field: 'temporal', says: /not both/ },
      { args: { temporal: { pairs: [{ from: 'order_received', to: 'order_checked', mean_s: 1 }] } }, field: 'temporal.pairs[0].std_s', says: /missing/ },
      { args: { temporal: { pairs: [1, 2].map((mean_s) => ({ from: 'order_received', to: 'order_checked', mean_s, std_s: 0 })) } }, field: 'temporal.pairs[1]', says: /same pair/ },
    ],
  },

  process_variants: {
    good: [{
      args: {},
      check(result) {
        assert.deepEqual(result.variants.map((v) => [v.activities, v.cases, v.median_s]), [
          [facts.process, facts.cases - facts.skipped, 5400],
          [facts.process.filter((a) => a !== 'order_checked'), facts.skipped, 4200],
        ]);
        assert.deepEqual([result.cases, result.distinct_variants, result.case_length.max], [facts.cases, 2, 4]);
        const tools = result.meta.next.map((n) => n.tool);
        assert.deepEqual(tools, ['list_actors', 'process_map', 'conformance_check']);
      },
      says: /^80\.0 % of 90 cases \(342 events\) go order_received → order_checked/,
    }, {
      args: { case: 'order_id', limit: 1, collapse_repeats: true },
      check(result) {
        assert.deepEqual([result.variants.length, result.cursor, result.meta.truncated.limit], [1, 'o1', 1]);
      },
    }, {
      args: { from: '2026-01-09', to: '2026-01-10', compare: 'previous' },
      check(result) {
        assert.equal(result.variants[0].previous + result.variants[1].previous, 48);
        assert.ok(Math.abs(result.variants[0].change) < 1);
      },
      says: /Period before: 48 cases in 2 variants/,
    }, {
      args: { filters: [{ field: 'event', value: 'view' }] },
      check(result) { assert.deepEqual([result.variants, result.cases], [[], 0]); },
      says: /^0 cases: no case has an event that passes the filters/,
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}), ...limit({}), ...cursor({}),
      { args: { case: 'order' }, field: 'case', says: /order_id/ },
      { args: { collapse_repeats: 'maybe' }, field: 'collapse_repeats', says: /true or false/ },
      { args: { compare: 'next' }, field: 'compare', says: /previous/ },
      { args: { segment: 'nobody' }, field: 'segment', says: /no segment 'nobody'/ }],
  },

  process_map: {
    good: [{
      args: {},
      check(result) {
        const [received] = result.activities.filter((a) => a.activity === 'order_received');
        assert.deepEqual([received.events, received.cases, received.starts, received.ends], [facts.cases, facts.cases, facts.cases, 0]);
        assert.deepEqual(result.edges.map((e) => [e.from, e.to, e.count, e.median_s]), [
          ['order_packed', 'order_sent', facts.cases, 2400],
          ['order_checked', 'order_packed', facts.cases - facts.skipped, 1800],
          ['order_received', 'order_checked', facts.cases - facts.skipped, 1200],
          ['order_received', 'order_packed', facts.skipped, 1800],
        ]);
        assert.match(result.mermaid, /^flowchart TD\n/);
        assert.match(result.mermaid, /\["order_packed<br>90"\]/);
      },
      says: /^Most time passes between order_packed → order_sent: /,
    }, {
      args: { min_share: 0.5, format: 'detailed' },
      check(result) { assert.equal(result.edges.length, 3); },
      says: /```mermaid\nflowchart TD/,
    }, {
      args: { from: '2026-01-09', to: '2026-01-10', compare: 'previous' },
      check(result) {
        for (const row of [...result.edges, ...result.activities])
          assert.ok(row.previous > 0 && row.change !== undefined, JSON.stringify(row));
      },
    }, {
      args: { from: '2026-02-01' },
      check(result) { assert.deepEqual([result.edges, result.activities], [[], []]); },
      says: /^0 cases: no case has an event in this period/,
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}),
      { args: { case: 'order' }, field: 'case', says: /order_id/ },
      { args: { min_share: 2 }, field: 'min_share', says: /0 to 1/ },
      { args: { compare: 1 }, field: 'compare', says: /previous|string|text/ }],
  },

  rework_report: {
    good: [{
      args: {},
      check(result) {
        assert.deepEqual([result.activities, result.loops], [[], []]);
        assert.deepEqual(result.overall, { cases_with_any_repeat: 0, share: 0, extra_events: 0, extra_s: 0 });
      },
      says: /^No activity is repeated in any of 90 cases/,
    }, {
      // Of clerks, who do the same for one order after the other.
      args: { case: 'resource', from: '2026-01-06', compare: 'previous' },
      check(result) {
        assert.ok(result.activities.length >= 3 && result.loops.length >= 3);
        const of = (list, member) => list.reduce((sum, item) => sum + item[member], 0);
        assert.equal(of(result.activities, 'extra_occurrences'), result.overall.extra_events);
        assert.equal(of(result.activities, 'self_loops') + of(result.loops, 'count'), result.overall.extra_events);
        for (const item of [...result.activities, ...result.loops]) assert.equal(item.previous, 0);
      },
      says: /^100\.0 % of 4 cases repeat an activity: /,
    }, {
      args: { filters: [{ field: 'event', value: 'view' }], format: 'detailed' },
      check(result) { assert.deepEqual(result.overall.cases_with_any_repeat, 0); },
      says: /^0 cases: no case has an event that passes the filters/,
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}),
      { args: { case: 'order' }, field: 'case', says: /order_id/ },
      { args: { compare: 'next' }, field: 'compare', says: /previous/ }],
  },

  throughput: {
    good: [{
      args: { sla_s: 5000, interval: 'day' },
      check(result) {
        assert.deepEqual([result.duration.min_s, result.duration.p50_s, result.duration.max_s], [4200, 5400, 5400]);
        assert.equal(result.breaches, facts.cases - facts.skipped);
        assert.deepEqual(result.started.map((row) => row.cases), [24, 24, 24, 18]);
        assert.deepEqual(result.finished.map((row) => row.time), result.started.map((row) => row.time));
        assert.deepEqual(result.survival.map((point) => point.s), [4200, 5400]);
        assert.ok(Math.abs(result.survival[0].share - 0.8) < 1e-9 && result.survival[1].share === 0);
      },
      says: /72 cases \(80\.0 %\) take longer than the 1 h 23 min/,
    }, {
      args: { tz: 'Europe/Berlin', week_start: 'sunday' },
      check(result) {
        assert.deepEqual(result.started, [{ time: '2026-01-01', cases: facts.cases }]);
        assert.equal(result.breaches, undefined);
      },
    }, {
      args: { from: '2026-02-01', sla_s: 1 },
      check(result) { assert.deepEqual([result.started, result.survival, result.breaches, result.in_progress], [[], [], 0, 0]); },
      says: /^0 cases: no case has an event in this period/,
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}),
      { args: { case: 'order' }, field: 'case', says: /order_id/ },
      { args: { interval: 'minute' }, field: 'interval', says: /more than 2000 intervals/ },
      { args: { interval: 'year' }, field: 'interval', says: /month/ },
      { args: { sla_s: -1 }, field: 'sla_s', says: /0 to/ }],
  },

  bottlenecks: {
    good: [{
      args: {},
      check(result) {
        assert.deepEqual(result.edges.map((e) => [e.from, e.to, e.count, e.mean_s, e.total_s, e.saving_if_median_s]), [
          ['order_packed', 'order_sent', facts.cases, 2400, 2400 * facts.cases, 0],
          ['order_received', 'order_packed', facts.skipped, 1800, 1800 * facts.skipped, 0],
          ['order_checked', 'order_packed', facts.cases - facts.skipped, 1800, 1800 * (facts.cases - facts.skipped), 0],
          ['order_received', 'order_checked', facts.cases - facts.skipped, 1200, 1200 * (facts.cases - facts.skipped), 0],
        ].sort((a, b) => b[3] - a[3] || b[4] - a[4]));
        assert.ok(!('service' in result) && !('waiting' in result), 'nothing tells how long work takes');
        assert.deepEqual(result.meta.next.map((n) => n.tool), ['list_actors', 'process_map']);
      },
      says: /^The slowest step is order_packed → order_sent: 90 times, mean 40 min 0 s/,
    }, {
      args: { rank: 'total', min_count: 20, format: 'detailed' },
      check(result) { assert.deepEqual(result.edges.map((e) => e.count), [facts.cases, facts.cases - facts.skipped, facts.cases - facts.skipped]); },
      says: /^Most time is lost between order_packed → order_sent/,
    }, {
      args: { from: '2026-01-09', to: '2026-01-10', compare: 'previous', rank: 'p95' },
      check(result) {
        for (const row of result.edges) assert.ok(row.previous > 0 && row.change !== undefined, JSON.stringify(row));
      },
    }, {
      args: { min_count: 1000 },
      check(result) { assert.deepEqual(result.edges, []); },
      says: /^No edge is passed often enough, in 90 cases/,
    }, {
      args: { from: '2026-02-01' },
      check(result) { assert.deepEqual(result.edges, []); },
      says: /^0 cases: no case has an event in this period/,
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}),
      { args: { case: 'order' }, field: 'case', says: /order_id/ },
      { args: { rank: 'median' }, field: 'rank', says: /mean/ },
      { args: { min_count: 0 }, field: 'min_count', says: /1/ }],
  },

  handover_network: { // every order stays with one clerk
    good: [{
      args: {},
      check(result) {
        assert.deepEqual(result.handovers.map((h) => [h.from, h.to, h.count]),
          [['clerk0', 'clerk0', 64], ['clerk1', 'clerk1', 64], ['clerk2', 'clerk2', 62], ['clerk3', 'clerk3', 62]]);
        assert.deepEqual(result.resources[0], { resource: 'clerk0', events: 87, cases: 23, activities: 4 });
        assert.deepEqual([result.total, result.distinct_pairs, result.resources.length], [252, 4, 4]);
      },
      says: /^Nobody hands a case over to somebody else\. 100\.0 % of 252 handovers/,
    }, {
      args: { limit: 1, cursor: 'o1', format: 'detailed' },
      check(result) { assert.deepEqual([result.handovers.length, result.handovers[0].from, result.cursor], [1, 'clerk1', 'o2']); },
    }, {
      args: { from: '2026-02-01' },
      check(result) { assert.deepEqual([result.handovers, result.resources, result.total], [[], [], 0]); },
      says: /^0 cases: no case has an event in this period/,
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}), ...limit({}), ...cursor({}),
      { args: { case: 'order' }, field: 'case', says: /order_id/ }],
  },

  operator_report: {
    good: [{
      args: {},
      check(result) {
        const days = (89 * 3600 + 5400) / 86400, [sent, received] = [result.automation[0], result.automation.at(-1)];
        assert.deepEqual([sent.activity, sent.mean_s, sent.rework_rate], ['order_sent', 2400, 0]);
        assert.ok(Math.abs(sent.daily_volume - facts.cases / days) < 1e-9);
        assert.ok(Math.abs(sent.score - (facts.cases / days) * 2400) < 1e-6);
        assert.deepEqual([received.activity, 'mean_s' in received, 'score' in received], ['order_received', false, false]);
        assert.deepEqual(result.operators.map((o) => [o.operator, o.events, o.cases, o.activities, o.median_s, o.rework_share]),
          [['clerk0', 87, 23, 4, 1800, 0], ['clerk1', 87, 23, 4, 1800, 0], ['clerk2', 84, 22, 4, 1800, 0], ['clerk3', 84, 22, 4, 1800, 0]]);
      },
      says: /^Most worth automating: order_sent, .* a day × mean 40 min 0 s/,
    }, {
      args: { from: '2026-02-01' },
      check(result) { assert.deepEqual([result.operators, result.automation], [[], []]); },
      says: /^0 cases: no case has an event in this period/,
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}),
      { args: { case: 'order' }, field: 'case', says: /order_id/ }],
  },
});
