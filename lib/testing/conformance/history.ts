/** What happened to messages, written down as it happens, and what that means: nothing lost, nothing twice, in order. */

/** One entry: a message, by its number in the case, and what became of it. */
export interface Entry {
  readonly what: 'emitted' | 'confirmed' | 'handled' | 'buried'
  readonly id: number
  /** Who handled it. */
  readonly by: string
}

/** A history that is still being written. */
export interface History {
  readonly entries: ReadonlyArray<Entry>
  readonly emitted: (id: number) => void
  readonly confirmed: (id: number) => void
  readonly handled: (id: number, by?: string) => void
  readonly buried: (id: number) => void
  /** How many entries of a kind there are; cheap, so that it can be looked at again and again. */
  readonly count: (what: Entry['what']) => number
}

/** A blank page. */
export const history = (): History => {
  const entries: Array<Entry> = []
  const counts = { emitted: 0, confirmed: 0, handled: 0, buried: 0 }
  const write =
    (what: Entry['what']) =>
    (id: number, by = ''): void => {
      entries.push({ what, id, by })
      counts[what] += 1
    }
  return {
    entries,
    emitted: write('emitted'),
    confirmed: write('confirmed'),
    handled: write('handled'),
    buried: write('buried'),
    count: (what) => counts[what],
  }
}

/** The ids of a kind of entry, in the order in which they were written. */
export const ids = ({ entries }: History, what: Entry['what'], by?: string): ReadonlyArray<number> =>
  entries.filter((one) => one.what === what && (by === undefined || one.by === by)).map(({ id }) => id)

/** Confirmed, and neither handled nor set aside. */
export const lost = (page: History): ReadonlyArray<number> => {
  const found = new Set([...ids(page, 'handled'), ...ids(page, 'buried')])
  return ids(page, 'confirmed').filter((id) => !found.has(id))
}

/** Handled again: one entry for each time beyond the first. */
export const duplicates = (page: History): ReadonlyArray<number> => {
  const seen = new Set<number>()
  return ids(page, 'handled').filter((id) => seen.size === seen.add(id).size)
}

/** Handled, and nobody had emitted it. */
export const unheardOf = (page: History): ReadonlyArray<number> => {
  const emitted = new Set(ids(page, 'emitted'))
  return ids(page, 'handled').filter((id) => !emitted.has(id))
}

/** The first message that was handled after a later one of its lane, and the one it came after. */
export const overtaken = (
  page: History,
  lane: (id: number) => unknown = () => undefined,
): { readonly id: number; readonly after: number } | undefined => {
  const latest = new Map<unknown, number>()
  for (const id of ids(page, 'handled')) {
    const after = latest.get(lane(id)) ?? -1
    if (id < after) return { id, after }
    latest.set(lane(id), id)
  }
  return undefined
}
