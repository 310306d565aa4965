// Every tool with calls that succeed, what must be in the answer (`check` its figures, `says` its
// text), and calls that must fail. A tool that is missing here fails the tests, so that no tool goes
// unexercised.
import assert from 'node:assert/strict';

import { BURST_AT, facts } from './store.mjs';
import { WEEK, discoveryTools } from './tools_discovery.mjs';
import { objectTools } from './tools_objects.mjs';
import { processTools } from './tools_process.mjs';

const HOUR = { value: 1, unit: 'hour' };
const FUNNEL = { steps: ['view', 'add_to_cart', 'checkout'], within: HOUR, ...WEEK };
const CREDIT = { conversion: 'checkout', touch: 'view', field: 'device', ...WEEK };
const GROUPS = { a: { did: ['checkout'] }, b: { did: ['view'], did_not: ['checkout'] }, ...WEEK };
const MATRIX = { start: 'view', interval: 'week', periods: 4, from: '2026-01-05' };
const PATHS = { start: 'view', from: '2026-01-05', to: '2026-01-11' };
const OPEN = { from: '2026-02-02', to: '2026-02-28', interval: 'day' }; // the data end on the 15th
// A zero because the events do not say whose they are.
const NAMELESS = /none of the [\d,]+ events 'heartbeat' of (the|this) period names its session/;
const steps33 = Array.from({ length: 33 }, () => 'view');

// What every tool over a source must refuse. `field` is the path that the error names.
const period = (base) => [
  { args: { ...base, from: '2026-02-01', to: '2026-01-10' }, field: 'from', says: /before/ },
  { args: { ...base, from: '2026-01-10T00:00:00Z', to: '2026-01-10T00:00:00Z' }, field: 'from', says: /empty/ },
  { args: { ...base, from: 'yesterdayish' }, field: 'from', says: /2026-03-01.*-7d/ },
  { args: { ...base, from: 12 }, field: 'from', says: /string|text/ },
  { args: { ...base, tz: 'Mars/Olympus' }, field: 'tz', says: /IANA/ },
];
const common = (base) => [
  { args: { ...base, nonsense: 1 }, field: 'nonsense', says: /unknown|not an argument|there is no/i },
  { args: { ...base, format: 'loud' }, field: 'format', says: /concise.*detailed/ },
  { args: { ...base, explain: true }, field: 'explain', says: /none.*with.*only/ },
];
const source = (base) => [
  { args: { ...base, source: 'shopp' }, field: 'source', says: /shop/ },
  { args: { ...base, source: ['shop', 'shop'] }, field: 'source', says: /string|text/ },
];
const filters = (base) => [
  { args: { ...base, filters: [{ field: 'devise', value: 'x' }] }, field: 'filters[0].field', says: /device/ },
  { args: { ...base, filters: [{ field: 'device', op: 'like', value: 'x' }] }, field: 'filters[0].op', says: /contains/ },
  { args: { ...base, filters: [{ field: 'device', op: 'regex', value: '((' }] }, field: 'filters[0].value', says: /regular expression|regex/i },
  { args: { ...base, filters: [{ value: 'x' }] }, field: 'filters[0].field', says: /missing|required/ },
  { args: { ...base, filters: 7 }, field: 'filters', says: /object of field, op/ },
];
const limit = (base) => [
  { args: { ...base, limit: 0 }, field: 'limit', says: /1 to 1000/ },
  { args: { ...base, limit: 'many' }, field: 'limit', says: /1 to 1000/ },
];
const cursor = (base) => [
  { args: { ...base, cursor: 'nonsense' }, field: 'cursor', says: /cursor/ },
];

// A published schema of results is open, to be shorter; nothing but what it tells is in them all the same.
export function closed(schema) {
  const copy = { ...schema };
  if (schema.items) copy.items = closed(schema.items);
  if (!schema.properties) return copy;
  copy.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, member]) => [name, closed(member)]));
  return { ...copy, additionalProperties: false };
}

export const tools = {
  ...discoveryTools(facts, { common, source, period, filters, limit, cursor }),

  run_funnel: {
    good: [{
      args: { ...FUNNEL, steps: ['view', 'heartbeat'], actor: 'session' }, says: NAMELESS,
      check(result) { assert.equal(result.steps[1].count, 0); },
    }, {
      args: { ...FUNNEL, steps: ['heartbeat', 'view'] }, says: /none of the [\d,]+ events 'view' of the period comes after step 1 of the same user as this funnel asks/,
      check(result) { assert.deepEqual(result.steps.map((s) => s.count), [1, 0]); },
    }, {
      args: FUNNEL,
      check(result) { assert.deepEqual(result.steps.map((s) => s.count), facts.funnel); },
    }, {
      // The longest name is there whole, whatever its characters take; the text shows its beginning.
      args: { ...FUNNEL, steps: [{ event: 'view', name: '🦊'.repeat(4096) }, 'checkout'] },
      check(result) {
        assert.deepEqual(result.steps.map((s) => s.name), ['🦊'.repeat(4096), 'checkout']);
      },
      says: /^[^\uFFFD]*🦊…[^\uFFFD]*$/u,
    }, {
      args: { ...FUNNEL, steps: [{ any_of: [{ event: '🦊'.repeat(100) }, { event: 'view' }] }, 'checkout'], allow_unknown: true },
      check(result) { assert.deepEqual([result.steps[0].name, result.steps[0].count], [`${'🦊'.repeat(100)} or others`, facts.funnel[0]]); },
      says: /^[^\uFFFD]*🦊… or others[^\uFFFD]*$/u,
    }, {
      args: { ...FUNNEL, breakdown: ['device', 'actor.plan'], attribution: 'last_touch', order: 'strict', explain: 'with' },
      check(result) {
        assert.ok(result.breakdowns.length >= 3);
        assert.ok(result.meta.queries.length > 0);
      },
    }, {
      args: { ...FUNNEL, view: 'time_to_convert', bins: 4, order: 'unordered', format: 'detailed' },
      check(result) { assert.equal(result.bins.reduce((n, b) => n + b.count, 0), facts.funnel[2]); },
    }, {
      args: {
        steps: [{ event: 'view', where: [{ field: 'note', value: facts.odd }], name: facts.odd },
          { any_of: [{ event: 'add_to_cart' }, 'checkout'] }], ...WEEK,
      },
      check(result) { assert.deepEqual(result.steps.map((s) => s.count), [1, 1]); },
    }, {
      // who buys has put something in the cart: it spoils the way past it, and may be missed
      args: { ...FUNNEL, steps: ['view', 'checkout'], exclusions: ['add_to_cart'] },
      check(result) { assert.deepEqual(result.steps.map((s) => s.count), [facts.funnel[0] - facts.funnel[2], 0]); },
    }, {
      args: { ...FUNNEL, steps: ['view', { event: 'add_to_cart', optional: true }, 'checkout'], hold_constant: ['device'], step_gaps: [{ step: 3, min_s: 0, max_s: 3600 }] },
      check(result) {
        assert.deepEqual(result.steps.map((s) => s.count), facts.funnel);
        assert.equal(result.steps[2].dropped, facts.funnel[0] - facts.funnel[2]);
        assert.equal(result.overall.biggest_drop_step, 3);
      },
    }, {
      args: { ...FUNNEL, view: 'trend', interval: 'day' },
      check(result) {
        assert.equal(result.trend.length, 8);
        // some come on two days: an actor has a run for each
        assert.equal(result.trend.reduce((n, p) => n + p.entered, 0), result.overall.entered);
        assert.ok(result.overall.entered >= facts.funnel[0]);
        assert.equal(result.overall.converted, facts.funnel[2]);
      },
    }, {
      args: { ...FUNNEL, explain: 'only' },
      check(result) {
        assert.equal(result.steps, undefined);
        assert.ok(result.meta.queries[0].sql.includes('{'));
      },
    }],
    bad: [...common(FUNNEL), ...source(FUNNEL), ...period(FUNNEL), ...filters(FUNNEL),
      { args: { ...FUNNEL, steps: [{ event: 'view', optional: true }, 'checkout'] }, field: 'steps[0].optional', says: /first step/ },
      { args: { ...FUNNEL, order: 'unordered', steps: ['view', { event: 'checkout', optional: true }] }, field: 'steps[1].optional', says: /unordered/ },
      { args: { ...FUNNEL, exclusions: [{ event: 'chekout' }] }, field: 'exclusions[0].event', says: /checkout/ },
      { args: { ...FUNNEL, exclusions: [{ event: 'view', from_step: 2, to_step: 2 }] }, field: 'exclusions[0].from_step', says: /from_step < to_step/ },
      { args: { ...FUNNEL, exclusions: [{ event: 'view', to_step: 4 }] }, field: 'exclusions[0].to_step', says: /<= 3/ },
      { args: { ...FUNNEL, exclusions: [{ event: 'view' }, { event: 'checkout', from_step: 2 }] }, field: 'exclusions[1].event', says: /same as step 3/ },
      { args: { ...FUNNEL, exclusions: ['add_to_cart'] }, field: 'exclusions[0].event', says: /same as step 2.*step 3/ },
      { args: { ...FUNNEL, order: 'unordered', exclusions: [{ event: 'view', from_step: 1, to_step: 2 }] }, field: 'exclusions[0].from_step', says: /unordered/ },
      { args: { ...FUNNEL, hold_constant: ['devise'] }, field: 'hold_constant[0]', says: /device/ },
      { args: { ...FUNNEL, step_gaps: [{ step: 1, max_s: 5 }] }, field: 'step_gaps[0].step', says: /2 to 3/ },
      { args: { ...FUNNEL, step_gaps: [{ step: 2 }] }, field: 'step_gaps[0].max_s', says: /min_s, max_s/ },
      { args: { ...FUNNEL, step_gaps: [{ step: 2, min_s: 9, max_s: 5 }] }, field: 'step_gaps[0].max_s', says: /less/ },
      { args: { ...FUNNEL, step_gaps: [{ step: 2, min_s: 9 }, { step: 2, max_s: 9 }] }, field: 'step_gaps[1].max_s', says: /already/ },
      { args: { ...FUNNEL, order: 'unordered', step_gaps: [{ step: 2, max_s: 5 }] }, field: 'step_gaps', says: /unordered/ },
      { args: { ...FUNNEL, view: 'trend', from_step: 2, to_step: 2 }, field: 'from_step', says: /from_step < to_step/ },
      { args: { ...FUNNEL, view: 'trend', interval: 'minute' }, field: 'interval', says: /2000 intervals/ },
      { args: {}, field: 'steps', says: /missing|required/ },
      { args: { ...FUNNEL, steps: [] }, field: 'steps', says: /1 to 32/ },
      { args: { ...FUNNEL, steps: steps33 }, field: 'steps', says: /1 to 32/ },
      { args: { ...FUNNEL, steps: ['view', 'chekout'] }, field: 'steps[1].event', says: /checkout/ },
      { args: { ...FUNNEL, steps: [{ evnt: 'view' }] }, field: 'steps[0].evnt', says: /event/ },
      { args: { ...FUNNEL, steps: [7] }, field: 'steps[0]', says: /object|string|text/ },
      { args: { ...FUNNEL, steps: [{ event: 'view', where: [{ field: 'devise' }] }] }, field: 'steps[0].where[0].field', says: /device/ },
      { args: { ...FUNNEL, within: { value: -1 } }, field: 'within.value', says: /0/ },
      { args: { ...FUNNEL, within: { value: 1, unit: 'eon' } }, field: 'within.unit', says: /hour/ },
      { args: { ...FUNNEL, within: 'soon' }, field: 'within', says: /object/ },
      { args: { ...FUNNEL, order: 'sorted' }, field: 'order', says: /ordered/ },
      { args: { ...FUNNEL, actor: 'plam' }, field: 'actor', says: /plan/ },
      { args: { ...FUNNEL, breakdown: ['devise'] }, field: 'breakdown[0]', says: /device/ },
      { args: { ...FUNNEL, breakdown: ['device', 'note', 'amount', 'event'] }, field: 'breakdown', says: /3/ },
      { args: { ...FUNNEL, view: 'time_to_convert', to_step: 9 }, field: 'to_step', says: /3/ },
    ],
  },

  attribute_conversions: {
    good: [{
      args: { ...CREDIT, touch: 'heartbeat', actor: 'session' }, says: NAMELESS,
      check(result) { assert.equal(result.channels.at(-1).value, '(none)'); },
    }, {
      args: CREDIT,
      check(result) {
        const [first, ...others] = result.channels;
        const again = 6; // of those who come a week later, on the period's last day
        assert.deepEqual(first, { value: 'mobile', touches: facts.funnel[2] + again, conversions: facts.funnel[2], credit: facts.funnel[2], share: 1 });
        assert.deepEqual(others.map((c) => [c.value, c.conversions, c.credit]), [['desktop', 0, 0], ['tablet', 0, 0]]);
      },
    }, ...['first', 'linear', 'position', 'decay', 'nearest', 'markov', 'probabilistic'].map((model) => ({
      args: { conversion: 'checkout', field: 'note', model, breakdown_limit: 3, within: HOUR, ...WEEK },
      check(result) {
        assert.deepEqual(result.channels.map((c) => c.value).slice(3), ['(other)']);
        const credit = result.channels.reduce((sum, c) => sum + c.credit, 0);
        assert.ok(Math.abs(credit - facts.funnel[2]) < 1e-6, String(credit));
      },
    })), {
      args: { ...CREDIT, touch: 'heartbeat' },
      check(result) { assert.deepEqual(result.channels.at(-1), { value: '(none)', touches: 0, conversions: 80, credit: 80, share: 1 }); },
    }],
    bad: [...common(CREDIT), ...source(CREDIT), ...period(CREDIT), ...filters(CREDIT),
      { args: { touch: 'view', field: 'device' }, field: 'conversion', says: /missing|required/ },
      { args: { conversion: 'checkout' }, field: 'field', says: /missing|required/ },
      { args: { ...CREDIT, conversion: 'chekout' }, field: 'conversion.event', says: /checkout/ },
      { args: { ...CREDIT, touch: { event: 'vew' } }, field: 'touch.event', says: /view/ },
      { args: { ...CREDIT, field: 'devise' }, field: 'field', says: /device/ },
      { args: { ...CREDIT, model: 'fair' }, field: 'model', says: /markov/ },
      { args: { ...CREDIT, within: { value: 40000 } }, field: 'within.value', says: /36525/ },
      { args: { ...CREDIT, breakdown_limit: 201 }, field: 'breakdown_limit', says: /1 to 200/ },
    ],
  },

  compare_groups: {
    good: [{
      args: { ...GROUPS, limit: 500 },
      check(result) {
        assert.deepEqual([result.size_a, result.size_b, result.overlap], [80, 160, 0]);
        const of = (field, value) => result.differences.find((d) => d.field === field && d.value === value);
        assert.deepEqual([of('device', 'mobile').a_share, of('device', 'mobile').b_share], [1, 0]);
        assert.ok(Math.abs(of('device', 'mobile').score - Math.PI) < 1e-9);
        assert.deepEqual([of('event', 'add_to_cart').a_share, of('event', 'add_to_cart').difference], [1, 0.5]);
        assert.equal(of('actor.plan', 'pro').score, 0);
        assert.ok(!result.differences.some((d) => d.field === 'note'), 'too many values');
      },
    }, {
      args: { ...GROUPS, fields: ['note'], limit: 5 },
      check(result) {
        assert.equal(result.differences.length, 5);
        assert.ok(result.cursor);
      },
    }, {
      args: { ...GROUPS, a: { did: [{ event: 'checkout', min_times: 9 }], filters: [{ field: 'device', value: 'mobile' }] } },
      check(result) {
        assert.equal(result.size_a, 0);
        assert.deepEqual(result.differences, []);
        assert.match(result.meta.warnings.join(), /group a/);
      },
    }],
    bad: [...common(GROUPS), ...source(GROUPS), ...period(GROUPS), ...filters(GROUPS), ...limit(GROUPS), ...cursor(GROUPS),
      { args: { a: GROUPS.a }, field: 'b', says: /missing|required/ },
      { args: { ...GROUPS, a: {} }, field: 'a', says: /did/ },
      { args: { ...GROUPS, b: { did: ['chekout'] } }, field: 'b.did[0].event', says: /checkout/ },
      { args: { ...GROUPS, b: { done: ['checkout'] } }, field: 'b.done', says: /did/ },
      { args: { ...GROUPS, fields: ['devise'] }, field: 'fields[0]', says: /device/ },
      { args: { ...GROUPS, fields: [] }, field: 'fields', says: /1 to 20/ },
    ],
  },

  explain_funnel: {
    good: [{
      args: { ...FUNNEL, steps: ['view', 'heartbeat'], step: 2, actor: 'session' }, says: NAMELESS,
      check(result) { assert.deepEqual(result.factors, []); },
    }, {
      args: { ...FUNNEL, step: 3 },
      says: /^device 'desktop': the only ones to drop at step 3 \(checkout\), 100.0 % of the 80 do.*more in factors, none beyond chance/s,
      check(result) {
        const [first] = result.factors;
        assert.equal(first.field, 'device');
        const mobile = result.factors.find((f) => f.value === 'mobile');
        assert.deepEqual([mobile.converted_share, mobile.dropped_share, mobile.lift, mobile.count], [1, 0, 2, 80]);
        assert.ok(Math.abs(mobile.odds_ratio - (80.5 / 0.5) ** 2) < 1e-6);
        assert.ok(mobile.ci_low < mobile.odds_ratio && mobile.odds_ratio < mobile.ci_high && mobile.p_adjusted < 1e-30);
        assert.ok(!result.factors.some((f) => f.field === 'event' && FUNNEL.steps.includes(f.value)), 'steps are no factors');
      },
    }, {
      args: { ...FUNNEL, steps: ['view', 'view'], order: 'unordered', within: { value: 0, unit: 'day' }, step: 2 },
      check(result) {
        assert.deepEqual(result.factors, []);
        assert.equal(result.meta.next[0].tool, 'list_actors');
      },
    }, {
      args: { ...FUNNEL, step: 2, limit: 1, order: 'strict', segment: { did: ['checkout'] } },
      check(result) { assert.deepEqual(result.factors, []); },
    }],
    bad: [...common({ ...FUNNEL, step: 2 }), ...source({ ...FUNNEL, step: 2 }), ...period({ ...FUNNEL, step: 2 }),
      ...filters({ ...FUNNEL, step: 2 }), ...limit({ ...FUNNEL, step: 2 }), ...cursor({ ...FUNNEL, step: 2 }),
      { args: FUNNEL, field: 'step', says: /missing|required/ },
      { args: { ...FUNNEL, step: 1 }, field: 'step', says: /2 to/ },
      { args: { ...FUNNEL, step: 4 }, field: 'step', says: /2 to 3/ },
      { args: { ...FUNNEL, step: 2, steps: ['view', 'chekout'] }, field: 'steps[1].event', says: /checkout/ },
    ],
  },

  retention_matrix: {
    good: [{
      args: { ...MATRIX, returning: 'heartbeat', actor: 'session' }, says: NAMELESS,
      check(result) { assert.ok(!result.meta.next, 'nobody to look at'); },
    }, {
      args: MATRIX,
      check(result) {
        assert.equal(result.cohorts[0].size, facts.funnel[0]);
        assert.equal(result.cohorts[0].cells[0].count, facts.funnel[0]);
      },
    }, {
      args: { ...MATRIX, kind: 'first_time', breakdown: ['device'], interval: 'day', tz: 'Europe/Berlin' },
      check(result) { assert.ok(result.cohorts.every((c) => c.breakdown.length === 1)); },
    }, {
      args: { start: 'view', interval: 'month' },
      says: /^\| cohort \| size \| \+1 \|$/m, // no column that no cohort has reached
      check(result) { assert.equal(result.cohorts[0].cohort, '2026-01-01'); }, // not months before the data
    }, {
      args: { start: 'view', interval: 'month', periods: 11 },
      check(result) { assert.equal(result.cohorts.length, 11); },
    }, {
      args: { ...MATRIX, interval: 'day', brackets: [1, 3], mode: 'on_or_after', clock: 'rolling', min_times: 1 },
      check(result) {
        assert.ok(result.cohorts.every((c) => c.cells.length <= 3));
        for (const { cells } of result.cohorts)
          for (const [i, cell] of cells.entries()) assert.ok(i === 0 || cell.count <= cells[i - 1].count);
      },
    }, {
      args: { ...MATRIX, interval: 'day', periods: 20 },
      says: /^The table ends at \+12; the structured result has 7 more columns$/m,
      check(result) { assert.equal(result.cohorts[0].cells.length, 20); },
    }, {
      args: { ...MATRIX, interval: 'day', periods: 14, to: '2026-02-14' },
      says: /^… and 1 more cohort: .*\nThe table ends at \+12; the structured result has 1 more column$/m,
      check(result) { assert.equal(result.cohorts.length, 41); },
    }],
    bad: [...common(MATRIX), ...source(MATRIX), ...period(MATRIX), ...filters(MATRIX),
      { args: { ...MATRIX, mode: 'after' }, field: 'mode', says: /on_or_after/ },
      { args: { ...MATRIX, clock: 'wall' }, field: 'clock', says: /rolling/ },
      { args: { ...MATRIX, min_times: 0 }, field: 'min_times', says: /1 to/ },
      { args: { ...MATRIX, brackets: [0] }, field: 'brackets[0]', says: /1 to/ },
      { args: { ...MATRIX, brackets: [300, 300] }, field: 'brackets', says: /500/ },
      { args: {}, field: 'start', says: /missing|required/ },
      { args: { ...MATRIX, start: 'vew' }, field: 'start.event', says: /view/ },
      { args: { ...MATRIX, returning: { event: 'vew' } }, field: 'returning.event', says: /view/ },
      { args: { ...MATRIX, interval: 'fortnight' }, field: 'interval', says: /week/ },
      { args: { ...MATRIX, periods: 0 }, field: 'periods', says: /1 to/ },
    ],
  },

  run_paths: {
    good: [{
      args: { ...PATHS, start: 'heartbeat', actor: 'session' }, says: NAMELESS,
      check(result) { assert.deepEqual(result.edges, []); },
    }, {
      args: PATHS,
      check(result) {
        const [all, some, few] = facts.funnel;
        const edge = (from, to) => result.edges.find((e) => e.step === 1 && e.from === from && e.to === to);
        assert.deepEqual([edge('view', 'add_to_cart').count, edge('view', '(drop-off)').count], [some, all - some]);
        assert.equal(edge('view', 'add_to_cart').average_s, 40);
        assert.equal(edge('view', 'add_to_cart').share + edge('view', '(drop-off)').share, 1);
        assert.deepEqual(result.journeys.map((j) => [j.path.length, j.count]), [[1, all - some], [2, some - few], [3, few]]);
      },
    }, {
      args: { ...PATHS, start: undefined, end: { any_of: ['checkout'] }, actor: 'user', steps: 2, exclude: ['view'] },
      check(result) {
        assert.deepEqual(result.edges.map((e) => [e.step, e.from, e.to, e.count, e.share]), [[1, 'add_to_cart', 'checkout', facts.funnel[2], 1]]);
      },
    }, {
      args: { ...PATHS, node: 'device', start: undefined, edge_limit: 1, collapse_repeats: true, clean: [{ regex: '^(.).*$', alias: '\\1' }] },
      check(result) { assert.ok(result.journeys.some((j) => j.path.length === 1 && j.path[0] === 'm')); },
    }, {
      args: { ...PATHS, node: 'actor', start: undefined },
      says: /\| whole path [^]*\n… and 12 more in the structured result\n/,
      check(result) { assert.equal(result.journeys.length, 20); },
    }],
    bad: [...common(PATHS), ...source(PATHS), ...period(PATHS), ...filters(PATHS),
      { args: { ...PATHS, start: 'vew' }, field: 'start.node', says: /view/ },
      { args: { ...PATHS, end: { event: 'vew' } }, field: 'end.event', says: /view/ },
      { args: { ...PATHS, exclude: ['vew'] }, field: 'exclude[0].node', says: /view/ },
      { args: { ...PATHS, include: [{ where: [{ field: 'devise', op: 'exists' }] }] }, field: 'include[0].where[0].field', says: /device/ },
      { args: { ...PATHS, node: 'devise' }, field: 'node', says: /device/ },
      { args: { ...PATHS, clean: [{ regex: 'e' }, { regex: '((' }] }, field: 'clean[1].regex', says: /regular expression/ },
      { args: { ...PATHS, clean: [{ alias: 'x' }] }, field: 'clean[0].regex', says: /missing|required/ },
      { args: { ...PATHS, steps: 1 }, field: 'steps', says: /2 to 16/ },
      { args: { ...PATHS, edge_limit: 0 }, field: 'edge_limit', says: /1 to 1000/ },
      { args: { ...PATHS, session_gap_s: 0 }, field: 'session_gap_s', says: /1 to/ },
    ],
  },

  lifecycle: {
    good: [{
      args: { event: 'view', ...WEEK, interval: 'week' },
      check(result) {
        assert.equal(result.points.length, 2);
        assert.ok(result.points.every((p) => p.dormant <= 0));
        assert.equal(result.points[0].new + result.points[0].returning + result.points[0].resurrecting, facts.funnel[0]);
      },
    }, {
      args: OPEN,
      says: /over 13 complete days: .*; the last 14 days are not over yet: so far \d+ came \(\d+ new, \d+ resurrecting\)\. Period: 2026-02-02 to/,
    }, {
      args: { ...OPEN, from: '2026-02-15', to: '2026-02-15' },
      says: /^No day of this period is over yet: so far \d+ came/,
    }, {
      args: { interval: 'month', week_start: 'sunday', tz: 'Asia/Kathmandu' },
      check(result) { assert.ok(result.points.length >= 1); },
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}),
      { args: { event: 'vew' }, field: 'event.event', says: /view/ },
      { args: { interval: 'minute' }, field: 'interval', says: /hour/ },
      { args: { interval: 'hour', from: '2020-01-01' }, field: 'from', says: /longer interval/ },
    ],
  },

  stickiness: {
    good: [{
      args: { event: 'view', interval: 'week', ...WEEK, to: '2026-01-11' },
      check(result) {
        assert.deepEqual(result.buckets.map((b) => [b.intervals, b.count, b.share]), [[1, facts.funnel[0], 1]]);
        assert.ok(result.dau_wau > 0 && result.dau_mau <= result.dau_wau);
      },
    }, {
      args: OPEN,
      says: /^The last 14 days are not over yet\.$/m,
    }, {
      args: { ...OPEN, to: '2026-02-15' },
      says: /^The last day is not over yet\.$/m,
    }, {
      args: { compare: 'previous', cumulative: true, min_times: 2 },
      check(result) {
        for (const [i, b] of result.buckets.entries()) assert.ok(b.previous >= 0 && (i === 0 || b.count <= result.buckets[i - 1].count));
      },
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}),
      { args: { event: 'vew' }, field: 'event.event', says: /view/ },
      { args: { interval: 'year' }, field: 'interval', says: /month/ },
      { args: { min_times: 0 }, field: 'min_times', says: /1 to/ },
      { args: { compare: 'last' }, field: 'compare', says: /previous/ },
    ],
  },

  list_actors: {
    good: [{
      args: { of: 'run_funnel', arguments: FUNNEL, cell: { step: 3, outcome: 'reached' }, limit: 5 },
      check(result) {
        assert.equal(result.total, facts.funnel[2]);
        assert.equal(result.actors.length, 5);
        assert.ok(result.cursor);
      },
    }, {
      args: { of: 'retention_matrix', arguments: MATRIX, cell: { cohort: '2026-01-05', period: 0 } }, says: /Period: 2026-01-05 to 2026-02-15\./,
      check(result) { assert.equal(result.total, facts.funnel[0]); },
    }, {
      args: { of: 'conformance_check', arguments: { sequence: facts.process }, cell: { deviation: 0 }, limit: 3 },
      check(result) {
        assert.equal(result.total, facts.skipped);
        assert.equal(result.actors.length, 3);
        assert.deepEqual(result.meta.next.map((n) => n.tool), ['case_timeline']);
      },
    }, {
      args: { of: 'conformance_check', arguments: { rules: [{ kind: 'exists', a: 'order_checked' }] }, cell: { conforming: true }, limit: 1000 },
      check(result) { assert.equal(result.total, facts.cases - facts.skipped); },
    }, {
      args: { of: 'attribute_conversions', arguments: CREDIT, cell: { value: 'mobile' } },
      check(result) { assert.equal(result.total, facts.funnel[2]); },
    }, {
      args: { of: 'object_map', arguments: {}, cell: { type: 'order_id', from: 'order_received', to: 'order_packed' } },
      check(result) {
        assert.equal(result.total, facts.skipped);
        assert.ok(result.actors.every((a) => a.actor.startsWith('o') && a.last_event === 'order_sent'));
      },
    }, {
      args: { of: 'compare_groups', arguments: GROUPS, cell: { field: 'event', value: 'add_to_cart', group: 'b' } },
      check(result) { assert.equal(result.total, 80); },
    }, {
      args: { of: 'run_paths', arguments: PATHS, cell: { step: 1, from: 'view', to: '(drop-off)' } },
      check(result) {
        assert.equal(result.total, facts.funnel[0] - facts.funnel[1]);
        assert.ok(result.actors.every((a) => a.session === a.actor && a.last_event === 'view'));
      },
    }, {
      args: { of: 'process_variants', arguments: {}, cell: { activities: facts.process.filter((a) => a !== 'order_checked') } },
      check(result) {
        assert.equal(result.total, facts.skipped);
        assert.ok(result.actors.every((a) => a.last_event === 'order_sent'));
        assert.deepEqual(result.meta.next.map((n) => [n.tool, n.arguments]), [['case_timeline', { source: 'shop', case_id: 'o0' }]]);
      },
    }, {
      args: { of: 'process_map', arguments: {}, cell: { from: 'order_received', to: 'order_packed' } },
      check(result) { assert.equal(result.total, facts.skipped); },
    }, {
      args: { of: 'handover_network', arguments: {}, cell: { from: 'clerk0', to: 'clerk0' } },
      check(result) { assert.equal(result.total, 23); },
    }, {
      args: { of: 'bottlenecks', arguments: { rank: 'total' }, cell: { from: 'order_received', to: 'order_packed' } },
      check(result) { assert.equal(result.total, facts.skipped); },
      args: { of: 'throughput', arguments: { sla_s: 5000 }, cell: { breach: true } },
      check(result) { assert.equal(result.total, facts.cases - facts.skipped); },
    }, {
      args: { of: 'lifecycle', arguments: { event: 'view', interval: 'week', ...WEEK }, cell: { time: '2026-01-07', status: 'new' } }, says: /Period: 2026-01-05 to 2026-01-18\./,
      check(result) { assert.equal(result.total, facts.funnel[0]); },
    }, {
      args: { of: 'stickiness', arguments: { event: 'view', interval: 'week', ...WEEK, cumulative: true }, cell: { intervals: 1 }, limit: 1000 }, says: /Period: 2026-01-05 to 2026-01-18\./,
      check(result) { assert.ok(result.total >= facts.funnel[0]); },
    }, ...[ // what a cell names and no event has
      [{ of: 'run_funnel', arguments: { ...FUNNEL, breakdown: ['device'] }, cell: { step: 1, breakdown: ['mobil'] } },
        /'mobil' as its device; did you mean 'mobile'\? There are: \w/],
      [{ of: 'run_paths', arguments: PATHS, cell: { step: 1, from: 'view', to: 'chekout' } },
        /is called 'chekout'; did you mean 'checkout'/],
      [{ of: 'attribute_conversions', arguments: CREDIT, cell: { value: 'tv' } }, /'tv' as its device\. There are: /],
      [{ of: 'compare_groups', arguments: GROUPS, cell: { field: 'device', value: 'tv', group: 'a' } }, /'tv' as its device\. There are: /],
      [{ of: 'attribute_conversions', arguments: CREDIT, cell: { value: 'desktop' } }, /^0 actors in this cell\./],
    ].map(([args, says]) => ({ args: { ...args, explain: 'with' }, says,
      check({ actors, total, meta }) {
        assert.deepEqual([actors, total], [[], 0]);
        assert.equal(new Set(meta.queries.map((q) => JSON.stringify(q))).size, meta.queries.length, 'nothing is asked twice');
      } }))],
    bad: [...common({ of: 'run_funnel', arguments: FUNNEL, cell: { step: 1, outcome: 'reached' } }),
      { args: { of: 'run_funnel', arguments: FUNNEL }, field: 'cell', says: /missing|required/ },
      { args: { of: 'list_events', arguments: {}, cell: {} }, field: 'of', says: /run_funnel/ },
      ...Object.entries({ source: 'shop', from: '2026-01-05', steps: ['view'] }).map(([name, value]) => (
        { args: { of: 'run_funnel', arguments: FUNNEL, cell: { step: 1 }, [name]: value }, field: name, says: /inside arguments/ })),
      { args: { of: 'list_events', arguments: {}, cell: {}, steps: [] }, field: 'steps', says: /unknown name/ },
      { args: { of: 'run_funnel', arguments: { ...FUNNEL, steps: ['vew'] }, cell: { step: 1, outcome: 'reached' } }, field: 'arguments.steps[0].event', says: /view/ },
      { args: { of: 'run_funnel', arguments: FUNNEL, cell: { step: 4, outcome: 'reached' } }, field: 'cell.step', says: /1 to 3/ },
      { args: { of: 'run_funnel', arguments: { ...FUNNEL, view: 'trend' }, cell: { outcome: 'reached' } }, field: 'cell.time', says: /point/ },
      { args: { of: 'run_funnel', arguments: { ...FUNNEL, view: 'trend' }, cell: { time: '2026-01-05T01:00:00Z', outcome: 'reached' } }, field: 'cell.time', says: /no day begins/ },
      { args: { of: 'run_funnel', arguments: FUNNEL, cell: { step: 1, outcome: 'gone' } }, field: 'cell.outcome', says: /dropped/ },
      { args: { of: 'run_paths', arguments: PATHS, cell: { step: 5, from: 'view', to: 'view' } }, field: 'cell.step', says: /1 to 4/ },
      { args: { of: 'run_paths', arguments: PATHS, cell: { step: 1, from: 'view' } }, field: 'cell.to', says: /node/ },
      { args: { of: 'retention_matrix', arguments: MATRIX, cell: { cohort: 'x', period: 0 } }, field: 'cell.cohort', says: /cohort/ },
      { args: { of: 'retention_matrix', arguments: MATRIX, cell: { cohort: '2025-01-06', period: 0 } }, field: 'cell.cohort', says: /from 2026-01-05 to 2026-02-09/ },
      { args: { of: 'attribute_conversions', arguments: CREDIT, cell: {} }, field: 'cell.value', says: /channel/ },
      { args: { of: 'compare_groups', arguments: GROUPS, cell: { field: 'device', value: 'mobile' } }, field: 'cell.group', says: /a or b/ },
      { args: { of: 'compare_groups', arguments: GROUPS, cell: { group: 'a', value: 'mobile' } }, field: 'cell.field', says: /field/ },
      { args: { of: 'retention_matrix', arguments: MATRIX, cell: { cohort: '2026-01-05', period: 4 } }, field: 'cell.period', says: /0 to 3/ },
      { args: { of: 'lifecycle', arguments: {}, cell: { status: 'new' } }, field: 'cell.time', says: /time/ },
      { args: { of: 'lifecycle', arguments: WEEK, cell: { time: '2020-01-01', status: 'new' } }, field: 'cell.time', says: /period/ },
      { args: { of: 'lifecycle', arguments: WEEK, cell: { time: '2026-01-07', status: 'old' } }, field: 'cell.status', says: /dormant/ },
      { args: { of: 'stickiness', arguments: WEEK, cell: { intervals: 99 } }, field: 'cell.intervals', says: /1 to 8/ },
      { args: { of: 'process_variants', arguments: {}, cell: {} }, field: 'cell.activities', says: /activities of a variant/ },
      { args: { of: 'process_variants', arguments: {}, cell: { activities: [1] } }, field: 'cell.activities', says: /name of an activity/ },
      { args: { of: 'process_map', arguments: {}, cell: { from: 'order_packed' } }, field: 'cell.to', says: /name of an activity/ },
      { args: { of: 'process_map', arguments: {}, cell: { activity: {} } }, field: 'cell.activity', says: /name of an activity/ },
      { args: { of: 'rework_report', arguments: {}, cell: { from: 'order_packed' } }, field: 'cell.to', says: /name of an activity/ },
      { args: { of: 'rework_report', arguments: {}, cell: { from: 'order_packed', activity: 'order_sent' } }, field: 'cell.activity', says: /either activity/ },
      { args: { of: 'throughput', arguments: {}, cell: { breach: true } }, field: 'arguments.sla_s', says: /missing/ },
      { args: { of: 'throughput', arguments: {}, cell: { breach: true, in_progress: true } }, field: 'cell', says: /either/ },
      { args: { of: 'conformance_check', arguments: { sequence: facts.process }, cell: {} }, field: 'cell.conforming', says: /deviation/ },
      { args: { of: 'conformance_check', arguments: { sequence: facts.process }, cell: { deviation: 'x' } }, field: 'cell.deviation', says: /index/ },
      { args: { of: 'conformance_check', arguments: { sequence: facts.process }, cell: { deviation: 1 } }, field: 'cell.deviation', says: /0 to 0/ },
    ],
  },

  ...processTools(facts, { common, source, period, filters, limit, cursor }),
  ...objectTools(facts, { common, source, period, filters, limit, cursor }),

  anomaly_scan: {
    good: [{
      args: {
        metric: 'event_count', interval: 'hour', from: '2026-01-05',
        filters: [{ field: 'event', value: 'heartbeat' }],
      },
      check(result) {
        assert.equal(Date.parse(result.anomalies[0].from), BURST_AT);
        assert.equal(result.anomalies[0].actual, 80);
      },
    }, {
      args: {
        metric: 'series', series: { event: 'view', math: 'average', field: 'amount' }, interval: 'day',
        by: 'device', points: true, limit: 10, from: '2026-01-05',
      },
      check(result) { assert.equal(result.series.length, 10); },
    }],
    bad: [...common({ metric: 'actors' }), ...source({ metric: 'actors' }), ...period({ metric: 'actors' }),
      ...filters({ metric: 'actors' }), ...limit({ metric: 'actors' }),
      ...cursor({ metric: 'actors', points: true }),
      { args: { metric: 'mood' }, field: 'metric', says: /event_count/ },
      { args: { metric: 'series' }, field: 'series', says: /series/ },
      { args: { metric: 'series', series: { event: 'view', math: 'sum' } }, field: 'series.field', says: /field/ },
      { args: { metric: 'series', series: { event: 'vew' } }, field: 'series.event', says: /view/ },
      { args: { metric: 'actors', by: 'devise' }, field: 'by', says: /device/ },
      { args: { metric: 'actors', sensitivity: 1000 }, field: 'sensitivity', says: /0.5 to 100/ },
    ],
  },

  user_journey: {
    good: [{
      args: { actor_id: 'u0' },
      check(result) {
        const [first] = result.sessions;
        assert.deepEqual([first.session, first.started_at, first.duration_s], ['s0', '2026-01-05T00:00:00Z', 95]);
        assert.deepEqual(first.entries.map((e) => e.text), ['view', 'add_to_cart', 'checkout']);
        assert.equal(result.first_seen, '2026-01-05T00:00:00Z');
        assert.ok(result.sessions.slice(1).every((s) => s.entries.length > 0 && s.started_at > first.started_at));
      },
    }, {
      // Without a session: events that pause for half an hour are another visit.
      args: { actor_id: 'monitor', from: '2026-01-05', to: '2026-01-05', limit: 8 },
      check(result) {
        assert.ok(result.cursor);
        assert.ok(result.sessions.every((s) => s.session === undefined && s.entries.length === 1));
        assert.match(result.sessions[0].entries[0].text, /^heartbeat ×\d$/);
      },
    }],
    bad: [...common({ actor_id: 'u0' }), ...source({ actor_id: 'u0' }), ...period({ actor_id: 'u0' }),
      ...limit({ actor_id: 'u0' }), ...cursor({ actor_id: 'u0' }),
      { args: {}, field: 'actor_id', says: /missing|required/ },
      { args: { actor_id: 'nobody' }, field: 'actor_id', says: /no events/ },
    ],
  },

  open_session: {
    good: [{
      args: { session: 's0' },
      check(result) {
        assert.equal(result.summary.actor, 'u0');
        assert.equal(result.summary.counts.spans, 3);
      },
    }, {
      args: { session: 's0', detail: 'timeline', include: ['custom'], at: '40s', around_s: 20 },
      check(result) { assert.equal(result.timeline[0].text, 'add_to_cart'); },
    }],
    bad: [...common({ session: 's0' }), ...source({ session: 's0' }),
      { args: {}, field: 'session', says: /missing|required/ },
      { args: { session: '' }, field: 'session', says: /empty/ },
      { args: { session: 'nobody' }, field: 'session', says: /session/ },
      { args: { session: 's0', at: 'noon' }, field: 'at', says: /2026-03-01/ },
      { args: { session: 's0', include: ['smell'] }, field: 'include[0]', says: /click/ },
    ],
  },

  run_trend: {
    good: [{
      args: { series: ['view', { event: 'view', math: 'actors' }], ...WEEK },
      check(result) {
        assert.equal(result.points.length, 16);
        assert.deepEqual(result.totals.map((t) => [t.series, t.value]),
          [['view (total)', facts.funnel[0] + 17], ['view (actors)', facts.funnel[0]]]);
        assert.ok(result.points.slice(8).every((p) => p.series === 'view (actors)' && p.complete));
      },
    }, {
      args: { series: ['view'], ...OPEN },
      says: /; last 14 days incomplete\./,
    }, {
      // The longest names are there whole, whatever their characters take, and stay apart.
      args: { series: ['view', 'checkout'].map((event) => ({ event, name: '🦊'.repeat(150) })), interval: 'week', ...WEEK },
      check(result) {
        const names = result.totals.map((t) => t.series);
        assert.ok(new Set(names).size === 2 && names.every((name) => /^🦊{150} \(total/u.test(name)), names.join());
        assert.equal(result.points.length, 4);
      },
    }, {
      args: {
        series: [{ event: 'checkout', name: facts.odd }, 'view'], formula: 'A/B*100', interval: 'week', from: '2026-01-05',
        to: '2026-01-11', compare: 'previous', breakdown: ['device'], breakdown_limit: 1, smoothing: 2, tz: 'UTC', explain: 'with',
      },
      check(result) {
        assert.deepEqual(result.points.map((p) => [p.breakdown[0], p.value, p.previous]), [['mobile', 100, undefined], ['(other)', 0, undefined]]);
        assert.deepEqual(result.totals.map((t) => t.series), ['A/B*100', 'A/B*100', facts.odd, facts.odd, 'view', 'view']);
        assert.ok(result.meta.warnings.some((w) => w.includes('divides by zero')), result.meta.warnings.join());
      },
    }, {
      args: {
        series: ['weekly_actors', 'monthly_actors', 'first_time', 'per_actor', 'sessions'].map((math) => ({ event: 'view', math })),
        interval: 'week', from: '2026-01-05', to: '2026-01-18',
      },
      check(result) {
        const of = (math) => result.points.filter((p) => p.series.includes(math)).map((p) => p.value);
        assert.deepEqual(of('first_time'), [facts.funnel[0], 0]);
        assert.equal(of('weekly')[0], facts.funnel[0]);
        assert.deepEqual(of('monthly'), [facts.funnel[0], facts.funnel[0]]);
        assert.ok(of('per_actor').every((v) => v >= 1));
      },
    }, {
      // Who leads a series is said, though the values come in the order of another one.
      args: { series: [{ event: 'view', where: [{ field: 'device', value: 'mobile' }] }, 'heartbeat'], interval: 'month', breakdown: ['device'], from: '2026-01-01', to: '2026-01-31' },
      says: /^view.*: mobile leads with .*; heartbeat.*: probe leads with /,
      check(result) { assert.ok(result.totals.length >= 4); },
    }, {
      args: { series: ['heartbeat'].map((event) => ({ event, math: 'sessions' })), interval: 'week', breakdown: ['device'], ...WEEK }, says: /^heartbeat: 0 everywhere/,
      check(result) { assert.ok(result.totals.every((t) => t.value === 0)); },
    }, {
      // The value shown is the one that the first series has most of.
      args: { series: ['heartbeat', 'view'], interval: 'week', breakdown: ['device'], breakdown_limit: 1, ...WEEK },
      says: /^heartbeat: probe leads .*; view: 0 in the values shown, 257 in \(other\)/,
      check(result) { assert.equal(result.totals.find((t) => t.series === 'view' && t.breakdown[0] === '(other)').value, 257); },
    }, {
      args: { series: [{ event: 'view', math: 'median', field: 'amount' }, { event: 'view', math: 'sum', field: 'amount' }], interval: 'month', from: '2025-12-01', to: '2026-01-31' },
      check(result) {
        assert.deepEqual(result.points.map((p) => p.value === undefined), [true, false, false, false]);
        assert.equal(result.points[2].value, 0);
      },
    }],
    bad: [...common({ series: ['view'] }), ...source({ series: ['view'] }), ...period({ series: ['view'] }), ...filters({ series: ['view'] }),
      ...limit({ series: ['view'] }), ...cursor({ series: ['view'] }),
      { args: {}, field: 'series', says: /missing|required/ },
      { args: { series: [] }, field: 'series', says: /1 to 8/ },
      { args: { series: ['vew'] }, field: 'series[0].event', says: /view/ },
      { args: { series: ['view', { event: 'view', math: 'sum' }] }, field: 'series[1].field', says: /numeric field/ },
      { args: { series: [{ event: 'view', field: 'amount' }] }, field: 'series[0].field', says: /sum, average/ },
      { args: { series: [{ event: 'view', math: 'sum', field: 'amont' }] }, field: 'series[0].field', says: /amount/ },
      { args: { series: [{ event: 'view', name: '🦊'.repeat(151) }] }, field: 'series[0].name', says: /at most 150 characters/ },
      { args: { series: [{ event: 'view', math: 'mode' }] }, field: 'series[0].math', says: /median/ },
      { args: { series: ['view'], formula: 'A/B' }, field: 'formula', says: /position 3/ },
      { args: { series: ['view'], formula: '(A' }, field: 'formula', says: /missing/ },
      { args: { series: ['view'], formula: '7' }, field: 'formula', says: /no series/ },
      { args: { series: ['view'], interval: 'minute', from: '2026-01-01' }, field: 'interval', says: /wider/ },
      { args: { series: ['view'], interval: 'fortnight' }, field: 'interval', says: /week/ },
      { args: { series: ['view'], breakdown: ['devise'] }, field: 'breakdown[0]', says: /device/ },
      { args: { series: ['view'], interval: 'hour', breakdown: ['note'], breakdown_limit: 1000, from: '2026-01-05' }, field: 'breakdown_limit', says: /fewer values/ },
      { args: { series: ['view'], compare: 'last_year' }, field: 'compare', says: /previous/ },
    ],
  },

  usage_report: {
    good: [{
      args: WEEK,
      check(result) {
        assert.equal(result.daily_actors.length, 8);
        assert.deepEqual(result.devices.map((d) => [d.value, d.count]).slice(0, 3).sort(), [['desktop', 85], ['mobile', 86], ['tablet', 85]]);
        assert.equal(result.pages, undefined);
        assert.ok(result.meta.warnings.some((w) => w.includes('pages, entries')), result.meta.warnings.join());
      },
    }, {
      args: { from: '2026-01-05', to: '2026-02-15' },
      says: /\n\| 2026-02-15 [^\n]*\n… and 28 more in the structured result\n/,
    }, {
      args: { ...WEEK, limit: 1, filters: [{ field: 'event', value: 'view' }], actor: 'session', explain: 'with' },
      check(result) { assert.equal(result.devices.length, 1); },
    }],
    bad: [...common({}), ...source({}), ...period({}), ...filters({}), ...limit({}),
      { args: { actor: 'plam' }, field: 'actor', says: /plan/ }],
  },
};
