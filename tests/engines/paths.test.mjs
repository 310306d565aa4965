// Paths of a table that numbers its actors: two events of one actor at one time, the only ones and
// behind many others, are still told apart by their order of import.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missing } from './endpoint_helper.mjs'
import { Store } from './parity_store.mjs'

const skip = missing() ?? false
const BEGIN = Date.UTC(2026, 2, 2), ACTORS = 4500, EVENTS = 5
const row = (ms, event, user) => JSON.stringify({ time: new Date(ms).toISOString(), event, user, session: `s-${user}` })

function* rows() {
  for (let who = 0; who < ACTORS; who += 1)
    for (let i = 0; i < EVENTS; i += 1) yield row(BEGIN + who * 1000 + i, 'abc'[(who + i) % 3], `u${who}`)
  for (const event of ['x', 'b', 'a']) yield row(BEGIN, event, 'last')
}

test('events of one time are in the order of import', { skip, timeout: 120000 }, () => {
  const store = new Store('paths')
  try {
    store.import('rows.jsonl', [...rows()].join('\n'), '--source', 'late', '--time', 'time', '--event', 'event', '--actor', 'user', '--session', 'session')
    const { edges, journeys } = JSON.parse(store.run(['call', 'run_paths', JSON.stringify({ source: 'late', edge_limit: 1000, from: '2026-03-01', to: '2026-03-03' })]))
    const found = Object.fromEntries(edges.map((e) => [`${e.step} ${e.from} ${e.to}`, e.count]))
    assert.equal(found['1 x b'], 1)
    assert.equal(found['2 b a'], 1) // the others go round from a to b to c
    assert.equal(found['1 a b'], ACTORS / 3)
    assert.equal(found['4 b c'], ACTORS / 3)
    assert.deepEqual(journeys.find((j) => j.path[0] === 'x')?.path, ['x', 'b', 'a'])
  } finally {
    store.remove()
  }
})
