// What of an answer must be the same whoever gives it.
import assert from 'node:assert/strict'

// Left out is what depends on the moment and the machine: times, bytes, and rows, since what a
// program has asked lately (bounds, names, zones) is not asked again.
export function comparable({ structured, text, error }, rename = (s) => s) {
  if (error) return { error: rename(error) }
  const { meta, ...result } = JSON.parse(rename(JSON.stringify(structured)))
  assert.notEqual(meta.truncated?.reason, 'bytes', 'where it is cut depends on how long that took')
  for (const name of ['elapsed_ms', 'bytes_read', 'rows_read']) delete meta[name]
  for (const query of meta.queries ?? []) delete query.estimate?.bytes
  if (result.sources) result.sources.sort((a, b) => (a.name < b.name ? -1 : 1))
  // The lines of list_sources come in the order of their databases.
  const lines = result.sources ? rename(text).split('\n').sort().join('\n') : rename(text)
  return { ...result, meta, text: lines }
}

// Four at a time: as many as an engine runs.
export async function answers(side, table, rename) {
  const all = [...table]
  const out = []
  let next = 0
  const worker = async () => {
    for (let i = next++; i < all.length; i = next++) out[i] = comparable(await side.call(...all[i]), rename)
  }
  await Promise.all([worker(), worker(), worker(), worker()])
  return out
}

export function compare(table, actual, wanted, who) {
  const differences = []
  for (const [i, [tool, args]] of table.entries()) {
    try {
      assert.deepStrictEqual(actual[i], wanted[i])
    } catch (e) {
      differences.push(`${tool} ${JSON.stringify(args)}\n${e.message}`)
    }
  }
  assert.equal(differences.length, 0, `${who}: ${differences.length} of ${table.length} calls differ:\n${differences.slice(0, 5).join('\n\n')}`)
}
