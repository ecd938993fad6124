/** In which order messages came. */
import type { Page } from './page.js'

/** Those that were handled for the first time after a later one of their lane, each with that one. */
export const overtaken = (
  { entries }: Page,
  laneOf: (id: number) => string,
): ReadonlyArray<{ readonly id: number; readonly after: number }> => {
  const seen = new Set<number>()
  const latest = new Map<string, number>()
  return entries.flatMap(({ what, id }) => {
    if (what !== 'handled' || seen.has(id)) return []
    seen.add(id)
    const lane = laneOf(id)
    const after = latest.get(lane) ?? -1
    latest.set(lane, Math.max(after, id))
    return id < after ? [{ id, after }] : []
  })
}
