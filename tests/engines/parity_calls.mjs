// The calls of the parity tests: [tool, arguments]. Every tool and every option that reaches SQL.
import { KEYS, NASTY } from './parity_store.mjs'

const OPERATORS = [
  ['eq', 'mobile'], ['ne', 'mobile'], ['in', ['mobile', 'desktop']], ['not_in', ['mobile']], ['contains', 'OBI'],
  ['not_contains', 'OBI'], ['starts_with', 'mo'], ['ends_with', 'top'], ['regex', '^(mobile|desk.*)$'], ['gt', 'm'], ['gte', '10'],
  ['lt', '4999'], ['lte', '2026-03-25'], ['exists'], ['missing'],
]
const filter = (field, [op, value]) => ({ field, op, ...(Array.isArray(value) ? { values: value } : value !== undefined ? { value } : {}) })

export const ORDERS = 'orders.all-1'
const OF_SHOP = ['view', 'add', 'pay']
const OF_ORDERS = ['received', 'checked', 'approved "now"', 'packed', "sent, isn't it"]

function* discovery() {
  yield ['list_sources', {}]
  yield ['list_sources', { explain: 'with', format: 'detailed' }]
  for (const source of ['shop', ORDERS]) {
    yield ['describe_source', { source }]
    yield ['describe_source', { source, limit: 3, from: '2026-03-22', to: '2026-03-29', tz: 'Europe/Berlin' }]
    yield ['describe_source', { source, limit: 4, cursor: 'o3' }]
    yield ['list_events', { source }]
    yield ['list_events', { source, limit: 3, cursor: 'o2', tz: 'Asia/Kathmandu' }]
    yield ['list_events', { source, min_count: 3, search: 'A', from: '-5d', to: '-1d' }]
    const segment = { did: [source === 'shop' ? 'pay' : 'checked'], did_not: [{ event: 'packed', within_days: 3 }] }
    for (const tool of ['describe_source', 'list_events']) yield [tool, { source, segment, allow_unknown: true }]
  }
  for (const search of ["'", '\\', '`', '€', '🦊', '%', 'NÄME', '{p1'])
    yield ['describe_source', { source: 'shop', search }]
  for (const search of NASTY.slice(0, 12)) yield ['list_events', { source: 'shop', search }]
  yield ['list_events', { source: 'shop', explain: 'with' }]
  yield ['list_events', { source: 'shop', explain: 'only' }]
}

function* values() {
  for (const field of ['device', 'event.value', 'actor.näme', 'session.value', 'actor', 'event', 'hour', 'case', ...KEYS.slice(0, 6)])
    yield ['property_values', { source: 'shop', field, limit: 7, tz: 'Europe/Berlin' }]
  yield ['property_values', { source: 'shop', field: 'value', limit: 5, cursor: 'o5', event: 'view', explain: 'with' }]
  for (const prefix of NASTY.slice(0, 12)) yield ['property_values', { source: 'shop', field: 'value', prefix }]
  yield ['property_values', { source: ORDERS, field: 'detail.flag', filters: [{ field: 'resource', value: 'clerk 1' }], segment: { did: ['received'], did_not: [{ event: 'packed', within_days: 3 }] } }]
}

function* quality() {
  for (const source of ['shop', ORDERS]) {
    yield ['data_quality', { source }]
    yield ['data_quality', { source, from: '2026-03-22', to: '2026-03-30', tz: 'Europe/Berlin', limit: 3, cursor: 'o1' }]
    yield ['data_quality', { source, checks: ['nulls', 'schema'], segment: { did_not: [{ event: 'pay' }] }, allow_unknown: true }]
  }
  yield ['data_quality', { source: 'shop', checks: ['duplicates', 'similar_names', 'gaps'], filters: [{ field: 'device', value: 'mobile' }], explain: 'with' }]
}

function* filters() {
  const events = (f) => ['list_events', { source: 'shop', limit: 20, ...f }]
  yield events({})
  for (const operator of OPERATORS)
    for (const field of ['device', 'event.device', 'session.device', 'resource', 'actor.plan', 'event', 'case', 'duration_ms', 'start_time', 'hour'])
      yield ['anomaly_scan', { source: 'shop', metric: 'event_count', interval: 'day', points: true, allow_unknown: true, filters: [filter(field, operator)] }]
  for (const [i, value] of NASTY.entries()) {
    const field = i % 3 === 0 ? 'value' : i % 3 === 1 ? 'actor.näme' : KEYS[i % KEYS.length]
    for (const op of [['eq', 'contains', 'gte'][(i + 1) % 3], ['eq', 'contains', 'gte'][i % 3]])
      yield ['anomaly_scan', { source: 'shop', metric: 'event_count', interval: 'week', points: true, filters: [{ field, op, value }] }]
    yield ['anomaly_scan', { source: 'shop', metric: 'actors', interval: 'week', points: true, filters: [{ field: 'value', op: 'in', values: NASTY.slice(i, i + 3) }] }]
  }
  for (const key of KEYS)
    for (const prefix of ['', 'event.'])
      yield ['run_funnel', { source: 'shop', steps: ['view'], breakdown: [prefix + key], filters: [{ field: prefix + key, op: 'exists' }] }]
}

function* funnels() {
  const base = { source: 'shop', steps: OF_SHOP, within: { value: 1, unit: 'day' } }
  for (const order of ['ordered', 'strict', 'unordered']) {
    yield ['run_funnel', { ...base, order }]
    yield ['run_funnel', { ...base, order, actor: 'session', tz: 'Europe/Berlin', from: '2026-03-28', to: '2026-03-30' }]
    yield ['run_funnel', { ...base, order, view: 'time_to_convert', bins: 5 }]
    yield ['run_funnel', { ...base, order, view: 'time_to_convert', from_step: 1, to_step: 2 }]
    for (const attribution of ['first_touch', 'last_touch', 'all_events', 'step']) {
      const more = attribution === 'step' ? { attribution_step: 2 } : {}
      yield ['run_funnel', { ...base, order, attribution, ...more, breakdown: ['device'] }]
      yield ['run_funnel', { ...base, order, attribution, ...more, breakdown: ['value', 'actor.plan', 'service'], breakdown_limit: 4 }]
      for (const outcome of ['reached', 'dropped'])
        for (const breakdown of [['mobile'], [''], ['(other)']])
          yield ['list_actors', { of: 'run_funnel', arguments: { ...base, order, attribution, ...more, breakdown: ['device'], breakdown_limit: 2 }, cell: { step: 2, outcome, breakdown } }]
    }
    yield ['list_actors', { of: 'run_funnel', arguments: { ...base, order }, cell: { step: 3, outcome: 'reached' }, limit: 5, cursor: 'o2' }]
    const again = { event: OF_SHOP[0] }
    const options = [{ exclusions: [again] }, { hold_constant: ['device'] }, { exclusions: [again], hold_constant: ['device', 'actor.plan'] }]
    if (order !== 'unordered')
      options.push({ steps: OF_SHOP.map((event, i) => ({ event, optional: i === 1 })), step_gaps: [{ step: 2, min_s: 1 }, { step: 3, max_s: 43200 }] })
    for (const more of options) {
      yield ['run_funnel', { ...base, order, ...more, breakdown: ['device'] }]
      const trend = { ...base, order, ...more, view: 'trend', interval: 'week', week_start: 'sunday', tz: 'Europe/Berlin', from: '2026-03-01', to: '2026-03-31' }
      yield ['run_funnel', { ...trend, breakdown: ['device'], breakdown_limit: 2 }]
      yield ['list_actors', { of: 'run_funnel', arguments: trend, cell: { time: '2026-03-08', outcome: 'dropped' } }]
    }
  }
  yield ['run_funnel', { source: 'shop', steps: NASTY.slice(0, 6).map((event) => ({ any_of: [{ event }, 'view'], where: [{ field: 'value', op: 'ne', value: event }], name: event })), allow_unknown: true }]
  yield ['run_funnel', { source: ORDERS, steps: OF_ORDERS, actor: 'order', breakdown: ['resource'] }]
  yield ['run_funnel', { source: ORDERS, steps: OF_ORDERS.slice(0, 2), actor: 'batch', explain: 'with' }]
  yield ['run_funnel', { source: ORDERS, steps: OF_ORDERS.slice(0, 2), actor: 'detail.note', breakdown: ['detail.deep.list', 'actor.plan', 'start_time'], breakdown_limit: 5 }]
}

function* retention() {
  const base = { source: 'shop', start: 'view', periods: 6 }
  for (const kind of ['recurring', 'first_time', 'first_ever'])
    for (const [interval, tz] of [['hour', 'Australia/Lord_Howe'], ['day', 'Europe/Berlin'], ['week', 'UTC'], ['month', 'America/New_York']]) {
      yield ['retention_matrix', { ...base, kind, interval, tz, from: '2026-03-28', to: '2026-03-30' }]
      yield ['retention_matrix', { ...base, kind, interval, tz, breakdown: ['device'], returning: { event: 'add', where: [filter('device', ['exists'])] }, week_start: 'sunday' }]
    }
  yield ['retention_matrix', { ...base, interval: 'day', breakdown: ['value', 'actor.plan'], breakdown_limit: 3, actor: 'session', filters: [filter('service', ['eq', 'web'])] }]
  for (const [period, breakdown] of [[0, undefined], [1, undefined], [1, ['mobile']], [0, ['(other)']]]) {
    const more = { breakdown: ['device'], breakdown_limit: 2, interval: 'week', kind: 'recurring', from: '2026-03-16', to: '2026-04-05' }
    for (const cohort of ['2026-03-16', '2026-03-23'])
      yield ['list_actors', { of: 'retention_matrix', arguments: { ...base, ...more }, cell: { cohort, period, ...(breakdown ? { breakdown } : {}) } }]
  }
}

function* attributions() {
  const base = { source: 'shop', conversion: 'pay', touch: { any_of: ['view', 'add', 'pay'] }, field: 'device' }
  for (const model of ['first', 'last', 'linear', 'position', 'decay', 'nearest', 'markov', 'probabilistic']) {
    yield ['attribute_conversions', { ...base, model }]
    yield ['attribute_conversions', { ...base, model, touch: undefined, field: 'value', breakdown_limit: 5, within: { value: 3, unit: 'day' }, from: '2026-03-28', to: '2026-03-30', tz: 'Europe/Berlin' }]
    for (const value of ['mobile', '', '(other)', '(none)'])
      yield ['list_actors', { of: 'attribute_conversions', arguments: { ...base, model, breakdown_limit: 2, within: { value: 1, unit: 'hour' } }, cell: { value }, limit: 9 }]
  }
  yield ['attribute_conversions', { ...base, model: 'markov', field: 'actor.plan', actor: 'session', filters: [filter('service', ['eq', 'web'])], segment: { did: ['view'] }, explain: 'with' }]
  yield ['attribute_conversions', { source: ORDERS, conversion: OF_ORDERS[4], field: 'resource', model: 'nearest', actor: 'order' }]
}

function* groups() {
  const base = { source: 'shop', a: { did: ['pay'] }, b: { did: ['view'], did_not: [{ event: 'pay', min_times: 2 }] } }
  yield ['compare_groups', base]
  yield ['compare_groups', { ...base, fields: ['value', 'actor.näme', ...KEYS.slice(0, 6)], limit: 1000, from: '2026-03-28', to: '2026-03-30', tz: 'Europe/Berlin' }]
  yield ['compare_groups', { ...base, b: { filters: [{ field: 'value', op: 'in', values: NASTY.slice(0, 9) }] }, actor: 'session', limit: 9, cursor: 'o9', explain: 'with' }]
  yield ['compare_groups', { ...base, a: { did: [{ event: 'pay', min_times: 99 }, 'view'], did_not: ['add'], filters: [filter('device', ['exists'])] } }]
  yield ['compare_groups', { source: ORDERS, a: { did: [OF_ORDERS[1]] }, b: { did_not: [OF_ORDERS[1]] }, actor: 'order' }]
  for (const group of ['a', 'b'])
    yield ['list_actors', { of: 'compare_groups', arguments: base, cell: { field: 'value', value: NASTY[3], group } }]
}

function* paths() {
  const base = { source: 'shop' }
  for (const more of [{}, { actor: 'user', steps: 12, edge_limit: 3 }, { start: 'view', collapse_repeats: true }, { end: 'pay', steps: 3 }, { start: 'view', end: 'pay', actor: 'user', session_gap_s: 86400 },
    { node: 'device', clean: [{ regex: '^m', alias: "it's \\0" }, { regex: "['é]", alias: '' }], actor: 'actor.plan' }, { node: 'value', edge_limit: 5, tz: 'Europe/Berlin', from: '2026-03-28' },
    { include: [{ any_of: OF_SHOP }], exclude: [{ node: 'add', where: [filter('device', ['missing'])] }], segment: { did: ['pay'] } }, { explain: 'with', limit: undefined }]) {
    yield ['run_paths', { ...base, ...more }]
    for (const [from, to] of [['view', 'add'], ['view', '(other)'], ['(other)', '(other)'], ['(other)', '(drop-off)']])
      yield ['list_actors', { of: 'run_paths', arguments: { ...base, ...more, explain: undefined }, cell: { step: 1, from, to }, limit: 5 }]
  }
  for (const value of NASTY.slice(0, 12))
    yield ['run_paths', { ...base, node: 'value', start: value, exclude: [{ node: `${value}x` }], clean: [{ regex: '^$', alias: 'none' }] }]
}

function* retentionOptions() {
  const base = { source: 'shop', start: 'view', returning: { any_of: ['view', 'add'] }, from: '2026-03-22', to: '2026-04-02', tz: 'Europe/Berlin' }
  for (const kind of ['recurring', 'first_time', 'first_ever'])
    for (const interval of ['day', 'week', 'month']) {
      yield ['retention_matrix', { ...base, kind, interval, clock: 'rolling', mode: 'on_or_after', breakdown: ['device'] }]
      yield ['retention_matrix', { ...base, kind, interval, clock: 'rolling', min_times: 2, brackets: [1, 3] }]
      yield ['retention_matrix', { ...base, kind, interval, mode: 'on_or_after', min_times: 2, brackets: [2, 2, 3] }]
    }
  for (const more of [{ clock: 'rolling' }, { clock: 'rolling', mode: 'on_or_after', min_times: 2 }, { brackets: [1, 3] }, { mode: 'on_or_after' }])
    for (const period of [0, 1, 2])
      yield ['list_actors', { of: 'retention_matrix', arguments: { ...base, ...more, interval: 'day' }, cell: { cohort: '2026-03-24', period }, limit: 20 }]
  yield ['retention_matrix', { source: 'shop', start: 'view', interval: 'hour', clock: 'rolling', segment: { did: [{ event: 'pay', min_times: 2 }] } }]
}

function* activity() {
  const base = { source: 'shop', tz: 'Australia/Lord_Howe', from: '2026-03-25', to: '2026-04-05' }
  for (const interval of ['hour', 'day', 'week', 'month']) {
    yield ['lifecycle', { ...base, interval, event: 'view' }]
    yield ['stickiness', { ...base, interval, event: { any_of: ['view', 'pay'] }, compare: 'previous' }]
    yield ['stickiness', { ...base, interval, min_times: 2, cumulative: true, week_start: 'sunday' }]
  }
  yield ['lifecycle', { source: 'shop', actor: 'session', filters: [filter('device', ['exists'])], segment: { did_not: ['pay'] }, format: 'detailed' }]
  yield ['stickiness', { source: 'shop', event: { event: 'view', where: [filter('value', ['ne', NASTY[1]])] }, explain: 'with' }]
  for (const status of ['new', 'returning', 'resurrecting', 'dormant'])
    yield ['list_actors', { of: 'lifecycle', arguments: { ...base, event: 'view' }, cell: { time: '2026-03-29', status }, limit: 20 }]
  for (const more of [{}, { min_times: 2, cumulative: true, compare: 'previous' }])
    yield ['list_actors', { of: 'stickiness', arguments: { ...base, ...more }, cell: { intervals: 2 }, limit: 20 }]
}

function* explanations() {
  const base = { source: 'shop', steps: OF_SHOP, within: { value: 1, unit: 'day' } }
  for (const order of ['ordered', 'strict', 'unordered'])
    for (const step of [2, 3]) yield ['explain_funnel', { ...base, order, step, limit: 200 }]
  yield ['explain_funnel', { ...base, step: 2, actor: 'session', tz: 'Europe/Berlin', from: '2026-03-24', to: '2026-03-30', limit: 7, cursor: 'o7', explain: 'with' }]
  yield ['explain_funnel', { ...base, step: 2, filters: [filter('service', ['eq', 'web'])], segment: { did: ['add'] } }]
  yield ['explain_funnel', { source: ORDERS, steps: OF_ORDERS.slice(0, 3), actor: 'order', step: 3 }]
  yield ['explain_funnel', { ...base, steps: ['view', { event: 'add', optional: true }, 'pay'], step: 3, exclusions: [{ event: NASTY[1] }],
    step_gaps: [{ step: 3, max_s: 900 }] }]
}

function* journeys() {
  for (const actor_id of ['u1', 'u2', ...[5, 9, 18, 27, 36].map((i) => `u${NASTY[i]}`)])
    yield ['user_journey', { source: 'shop', actor_id, limit: 20, tz: 'Europe/Berlin' }]
  yield ['user_journey', { source: 'shop', actor_id: 'u1', from: '2026-03-28', limit: 3, cursor: 'o2', explain: 'with' }]
}

function* processes() {
  for (const match of ['alignment', 'exact', 'eventually_follows', 'directly_follows']) {
    yield ['conformance_check', { source: ORDERS, case: 'order', sequence: OF_ORDERS, match }]
    yield ['conformance_check', { source: ORDERS, case: 'batch', sequence: OF_ORDERS.slice(0, 3), match, limit: 3 }]
    yield ['conformance_check', { source: ORDERS, case: 'order', sequence: OF_ORDERS.slice(1, 3), match, from: '2026-03-22', to: '2026-03-29', tz: 'Europe/Berlin', filters: [filter('detail.flag', ['eq', 'true'])] }]
  }
  yield ['conformance_check', { source: ORDERS, case: 'order', sequence: OF_ORDERS, filters: [filter('actor.plan', ['eq', 'pro'])], explain: 'with' }]
  const [a, b, c] = OF_ORDERS
  const models = [{ edges: OF_ORDERS.slice(1).map((to, i) => ({ from: OF_ORDERS[i], to })) },
    { rules: [{ kind: 'init', a }, { kind: 'exists', a: b, n: 2 }, { kind: 'absent', a: c }, ...['response', 'precedence', 'succession', 'chain_response', 'not_coexist', 'four_eyes'].map((kind) => ({ kind, a, b }))] },
    { temporal: { learn: true, zeta: 1 } }, { temporal: { pairs: [{ from: a, to: b, mean_s: 3600, std_s: 60.5 }] } }]
  for (const model of models)
    for (const field of ['order', 'batch']) {
      yield ['conformance_check', { source: ORDERS, case: field, ...model, explain: 'with' }]
      for (const cell of [{ conforming: true }, { conforming: false }, { deviation: 0 }])
        yield ['list_actors', { of: 'conformance_check', arguments: { source: ORDERS, case: field, ...model }, cell, limit: 5 }]
    }
}

function* ways() { // of cases
  const base = { source: ORDERS, case: 'order' }
  for (const more of [{}, { collapse_repeats: true, limit: 2 }, { case: 'batch' }, { limit: 2, cursor: 'o1', explain: 'with' },
    { from: '2026-03-24', to: '2026-03-27', tz: 'Europe/Berlin', compare: 'previous' },
    { filters: [filter('detail.flag', ['eq', 'true'])], to: '2026-03-29' }, { segment: { did: [OF_ORDERS[1]] } }]) {
    yield ['process_variants', { ...base, ...more }]
    const { collapse_repeats: _, limit: __, cursor: ___, ...of } = { ...base, ...more }
    yield ['process_map', of]
    yield ['bottlenecks', { ...of, rank: 'total', min_count: 1 }]
    const { compare: ____, ...once } = of
    yield ['handover_network', once]
    yield ['operator_report', once]
    yield ['list_actors', { of: 'process_map', arguments: of, cell: { from: OF_ORDERS[0], to: OF_ORDERS[1] }, limit: 5 }]
    yield ['rework_report', of]
    const { compare: _____, ...plain } = of
    yield ['throughput', { ...plain, sla_s: 3600, interval: 'day' }]
  }
  for (const cell of [{ activity: OF_ORDERS[1] }, { from: OF_ORDERS[1], to: OF_ORDERS[1] }, { from: OF_ORDERS[2], to: OF_ORDERS[1] }])
    yield ['list_actors', { of: 'rework_report', arguments: base, cell, limit: 5 }]
  for (const cell of [{ breach: true }, { in_progress: true }])
    yield ['list_actors', { of: 'throughput', arguments: { ...base, sla_s: 60 }, cell, limit: 5 }]
  yield ['list_actors', { of: 'process_variants', arguments: base, cell: { activities: OF_ORDERS }, limit: 5 }]
  for (const more of [{ case_id: 'o/1' }, { case_id: 'o/2', limit: 2, cursor: 'o1', tz: 'Asia/Kathmandu', explain: 'with' }, { case: 'batch', case_id: 'b 1', limit: 5 }])
    yield ['case_timeline', { ...base, ...more }]
  yield ['list_actors', { of: 'process_map', arguments: base, cell: { activity: OF_ORDERS[2] }, limit: 5 }]
}

function* objects() {
  const nested = 'detail.deep.list'
  yield ['object_summary', { source: ORDERS, object_fields: ['order', 'batch', nested] }]
  yield ['object_summary', { source: ORDERS, object_fields: ['order', 'resource'], from: '2026-03-22', to: '2026-03-29', tz: 'Europe/Berlin', filters: [filter('detail.flag', ['eq', 'true'])], explain: 'with' }]
  yield ['object_summary', { source: 'shop', object_fields: ['value', 'device', KEYS[0]] }]
  for (const type of ['order', 'batch', nested]) yield ['object_map', { source: ORDERS, type }]
  yield ['object_map', { source: 'shop', type: 'value', from: '2026-03-22', to: '2026-03-24' }]
  yield ['object_contention', { source: ORDERS, type: 'resource', case: 'order' }]
  yield ['object_contention', { source: ORDERS, type: 'resource', case: 'batch', limit: 2, cursor: 'o1', tz: 'Asia/Kathmandu' }]
  yield ['object_contention', { source: 'shop', type: 'device', filters: [filter('service', ['eq', 'web'])] }]
  for (const tool of ['object_summary', 'object_map'])
    yield [tool, { source: ORDERS, from: '2026-03-22', segment: { did: [{ min_times: 2 }], filters: [filter('detail.flag', ['eq', 'true'])] }, ...(tool === 'object_map' ? { type: 'batch' } : { object_fields: ['order', 'batch'] }) }]
  for (const cell of [{ type: 'batch', from: 'checked', to: 'checked' }, { type: 'order', from: "sent, isn't it" }, { type: 'order', to: 'received' }])
    yield ['list_actors', { of: 'object_map', arguments: { source: ORDERS }, cell, limit: 5 }]
}

function* anomalies() {
  const base = { source: 'shop', points: true }
  for (const interval of ['minute', 'hour', 'day', 'week', 'month'])
    for (const metric of ['event_count', 'actors', 'error_rate', 'latency_p95'])
      yield ['anomaly_scan', { ...base, metric, interval, tz: 'Europe/Berlin', limit: 60, ...(interval === 'minute' ? { from: '2026-03-28T20:00:00Z', to: '2026-03-29T06:00:00Z' } : {}) }]
  for (const math of ['total', 'actors', 'sessions', 'sum', 'average', 'min', 'max', 'median', 'p75', 'p90', 'p95', 'p99'])
    yield ['anomaly_scan', { ...base, metric: 'series', series: { event: 'beat', math, field: 'duration_ms' }, interval: 'hour', limit: 30 }]
  yield ['anomaly_scan', { ...base, metric: 'series', series: { event: 'pay', math: 'sum', field: 'amount' }, interval: 'raw' }]
  yield ['anomaly_scan', { ...base, metric: 'event_count', interval: 'day', by: 'value', limit: 200 }]
  yield ['anomaly_scan', { ...base, metric: 'error_rate', by: 'service', sensitivity: 2, direction: 'up', min_volume: 1, limit: 50, cursor: 'o300' }]
  yield ['anomaly_scan', { source: 'shop', metric: 'event_count', interval: 'week', week_start: 'sunday', tz: 'America/Sao_Paulo', points: true, explain: 'with' }]
}

function* trends() {
  const base = { source: 'shop', from: '2026-03-25', to: '2026-04-02', tz: 'Europe/Berlin' }
  const maths = ['total', 'actors', 'sessions', 'weekly_actors', 'monthly_actors', 'first_time', 'per_actor']
  const measures = ['sum', 'average', 'min', 'max', 'median', 'p75', 'p90', 'p95', 'p99']
  for (const interval of ['hour', 'day', 'week', 'month'])
    for (const more of [{ limit: 400 }, { breakdown: ['device'], limit: 400 }, { breakdown: ['value', 'actor.plan'], breakdown_limit: 3, compare: 'previous', limit: 200 }]) {
      yield ['run_trend', { ...base, interval, series: maths.map((math) => ({ event: 'view', math })), ...more }]
      yield ['run_trend', { ...base, interval, series: measures.slice(0, 8).map((math) => ({ event: 'beat', math, field: 'duration_ms' })), ...more }]
    }
  yield ['run_trend', { source: 'shop', interval: 'minute', from: '2026-03-29T00:30:00Z', to: '2026-03-29T02:00:00Z', tz: 'Australia/Lord_Howe', series: ['beat', { math: 'weekly_actors' }] }]
  yield ['run_trend', { source: 'shop', series: ['view', { event: 'pay', math: 'p99', field: 'amount', name: NASTY[3] }], formula: '-(B - a) / (a - 1.5) * 2e1', smoothing: 3, actor: 'session', explain: 'with' }]
  yield ['run_trend', { source: 'shop', series: NASTY.slice(0, 8).map((event) => ({ any_of: [{ event }, 'view'], where: [filter('value', ['ne', event])] })), allow_unknown: true, segment: { did: ['view'] } }]
  yield ['run_trend', { source: ORDERS, series: [{ math: 'actors' }, { math: 'first_time' }], actor: 'order', breakdown: ['resource', 'detail.note', 'start_time'], breakdown_limit: 4, interval: 'week', week_start: 'sunday' }]
  for (const more of [{}, { breakdown_limit: 1, tz: 'Asia/Kathmandu', interval: 'month', smoothing: 2 }, { compare: 'previous', interval: 'hour', breakdown_limit: 2, limit: 200 }])
    yield ['run_trend', { ...base, series: ['actors', 'sessions', 'weekly_actors', 'first_time'].map((math) => ({ event: 'view', math })), formula: 'B / A', breakdown: ['value', 'device'], ...more }]
  // texts are numbered by their hashes
  yield ['run_trend', { ...base, series: ['actors', 'sessions'].map((math) => ({ event: 'view', math })), actor: 'actor', breakdown: ['value', 'device'], breakdown_limit: 3, compare: 'previous', limit: 200 }]
  const cells = { ...base, breakdown: ['device'], breakdown_limit: 1, series: maths.map((math) => ({ event: 'view', math, name: math })) }
  for (const series of maths)
    for (const breakdown of [undefined, ['mobile'], [''], ['(other)']])
      yield ['list_actors', { of: 'run_trend', arguments: cells, cell: { time: '2026-03-29', series, ...(breakdown ? { breakdown } : {}) }, limit: 20 }]
  yield ['list_actors', { of: 'run_trend', arguments: { ...base, series: [{ event: 'pay', math: 'median', field: 'amount' }] }, cell: {} }]
}

function* usage() {
  for (const more of [{}, { limit: 3, tz: 'Europe/Berlin' }, { from: '2026-03-28', to: '2026-03-30', actor: 'session', filters: [filter('device', ['exists'])], explain: 'with' }]) {
    yield ['usage_report', { source: 'shop', ...more }]
    yield ['usage_report', { source: ORDERS, ...more, actor: undefined, filters: undefined }]
  }
}

const CHECKOUT = ['checkout_started', 'shipping_entered', 'payment_submitted', 'order_placed']
export const RAGE = '0a9e5e55104a9ec11c4b0770a0000001'

// On ClickStack's tables, whatever the source is called.
export function* demo(source, { isSmall = false, sessions = [RAGE] } = {}) {
  yield ['list_events', { source, limit: 10 }]
  yield ['list_events', { source, limit: 5, from: '2026-03-20', to: '2026-03-29', tz: 'Europe/Berlin', search: 'HTTP' }]
  yield ['describe_source', { source, from: '2026-03-29', tz: 'Europe/Berlin' }]
  yield ['describe_source', { source, search: 'user', from: '2026-03-29' }]
  yield ['run_funnel', { source, steps: CHECKOUT, within: { value: 7, unit: 'day' }, explain: 'with' }]
  yield ['run_funnel', { source, steps: CHECKOUT, actor: 'session', within: { value: 1, unit: 'hour' }, breakdown: ['device.type', 'resource.service.version'] }]
  yield ['run_funnel', { source, steps: ['items_picked', 'order_packed', 'order_shipped'], actor: 'case', within: { value: 7, unit: 'day' }, view: 'time_to_convert' }]
  yield ['run_funnel', { source, steps: [{ event: 'click', where: [{ field: 'url', op: 'contains', value: 'CHECKOUT' }] }, 'order_placed'], order: 'strict', breakdown: ['service'], explain: 'with' }]
  yield ['list_actors', { of: 'run_funnel', arguments: { source, steps: CHECKOUT }, cell: { step: 2, outcome: 'dropped' }, limit: 5 }]
  yield ['retention_matrix', { source, start: 'documentLoad', kind: 'first_time', interval: 'week', tz: 'Europe/Berlin' }]
  yield ['list_actors', { of: 'retention_matrix', arguments: { source, start: 'documentLoad', interval: 'week', from: '2026-03-02' }, cell: { cohort: '2026-03-09', period: 1 }, limit: 5 }]
  yield ['compare_groups', { source, a: { did: ['order_placed'] }, b: { did: ['click'], did_not: ['order_placed'] }, limit: 400, from: '2026-03-25' }]
  yield ['explain_funnel', { source, steps: CHECKOUT, actor: 'session', step: 2, from: '2026-03-20' }]
  for (const model of ['nearest', 'markov', 'probabilistic'])
    yield ['attribute_conversions', { source, conversion: 'order_placed', field: 'device.type', actor: 'session', model }]
  yield ['user_journey', { source, actor_id: 'u-99001', limit: 40 }] // of the session RAGE
  yield ['run_paths', { source, node: 'url', collapse_repeats: true, clean: [{ regex: '[0-9]+', alias: 'N' }], edge_limit: 10 }]
  yield ['run_paths', { source, end: 'order_placed', exclude: ['webvitals'], segment: { did: ['login'] } }]
  yield ['list_actors', { of: 'run_paths', arguments: { source, edge_limit: 3 }, cell: { step: 2, from: 'webvitals', to: '(other)' }, limit: 5 }]
  yield ['conformance_check', { source, case: 'order', sequence: ['order_placed', 'order_received', 'credit_checked', 'order_approved', 'items_picked', 'order_packed', 'order_shipped', 'invoice_sent', 'order_delivered'] }]
  yield ['process_variants', { source, case: 'order', compare: 'previous', from: '-7d' }]
  yield ['process_map', { source, case: 'order' }]
  yield ['case_timeline', { source, case: 'order', case_id: 'SO-106100506' }]
  yield ['handover_network', { source, case: 'order' }]
  yield ['operator_report', { source, case: 'order' }]
  yield ['bottlenecks', { source, case: 'order', compare: 'previous', from: '-7d' }]
  yield ['rework_report', { source, case: 'order', compare: 'previous', from: '-7d' }]
  yield ['throughput', { source, case: 'order', sla_s: 259200, interval: 'week', tz: 'Europe/Berlin' }]
  yield ['list_actors', { of: 'process_map', arguments: { source, case: 'order' }, cell: { from: 'items_picked', to: 'stock_recounted' }, limit: 5 }]
  yield ['anomaly_scan', { source, metric: 'error_rate', interval: 'hour', by: 'service' }]
  yield ['anomaly_scan', { source, metric: 'latency_p95', interval: 'day', points: true, tz: 'Europe/Berlin', filters: [{ field: 'resource.service.name', op: 'exists' }, { field: 'http.status_code', op: 'lt', value: '600' }] }]
  // Times that a column of nanoseconds cannot hold.
  for (const [from, to] of [['0001-01-01', '9999-12-31'], ['1500-01-01', '1600-01-01'], ['2299-01-01', '2300-01-01']]) {
    yield ['list_events', { source, from, to, limit: 3 }]
    yield ['anomaly_scan', { source, metric: 'event_count', interval: 'day', from, to, points: true }]
    yield ['run_funnel', { source, steps: ['order_placed'], from, to }]
  }
  for (const operator of OPERATORS)
    yield ['anomaly_scan', { source, metric: 'event_count', interval: 'day', points: true, from: isSmall ? undefined : '2026-03-25', filters: [filter('device.type', operator), filter('TimestampTime', ['missing'])], allow_unknown: true }]
  for (const field of ['Timestamp', 'Duration', 'hour', 'weekday', 'duration_ms', 'SpanKind', 'actor.device.type'])
    yield ['run_funnel', { source, steps: ['order_placed'], breakdown: [field], breakdown_limit: 3 }]
  yield ['anomaly_scan', { source, metric: 'event_count', interval: 'day', points: true, filters: [filter('Timestamp', ['gte', '2026-03-29'])] }]
  yield ['usage_report', { source, format: 'detailed' }]
  yield ['run_trend', { source, series: ['order_placed', { math: 'p95', field: 'duration_ms' }], breakdown: ['device.type'], interval: 'week', compare: 'previous' }]
  for (const session of sessions) {
    yield ['open_session', { source, session }]
    yield ['open_session', { source, session, detail: 'timeline', tz: 'Europe/Berlin' }]
    yield ['open_session', { source, session, detail: 'timeline', include: ['click', 'network', 'error', 'console'], at: '20s', around_s: 40, explain: 'with' }]
  }
}

const ALL = [
  discovery,
  values,
  quality,
  filters,
  funnels,
  retention,
  attributions,
  groups,
  paths,
  journeys,
  retentionOptions,
  activity,
  explanations,
  processes,
  ways,
  objects,
  anomalies,
  trends,
  usage,
]
export const calls = () => ALL.flatMap((some) => [...some()])
