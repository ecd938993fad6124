/** Entries of an event stream while this process holds them. */
import { field, numberOf } from '../broker/attributes.js'
import { messageOf, type Message } from './context-of.js'
import { inOrder, type Entry } from './entry.js'
import type { GroupKeys } from './keys.js'
import type { Target } from './shared.js'

/** The stream of the pattern, or this group's own stream of retries. */
export type Source = 'main' | 'retry'

export interface Record {
  readonly source: Source
  /** The key of that stream. */
  readonly stream: string
  readonly entry: Entry
  readonly message: Message
  /** Where the event was published: stream/entry. */
  readonly origin: string
  readonly deliveries: number
  /** The number of the next start. */
  readonly attempt: number
  readonly firstFailedAt: number | undefined
  /** The endpoints that it is for. */
  readonly targets: ReadonlyArray<Target>
  /** Endpoints whose settlement is not written yet. The entry is acknowledged with the last. */
  open: number
}

/** What one replica holds. */
export const holding = () => {
  const held = { main: new Map<string, Record>(), retry: new Map<string, Record>() }
  return {
    has: (source: Source, id: string): boolean => held[source].has(id),
    add: (record: Record): void => void held[record.source].set(record.entry.id, record),
    drop: ({ source, entry }: Record): void => void held[source].delete(entry.id),
    ids: (source: Source): ReadonlyArray<string> => [...held[source].keys()],
  }
}

/**
 * What an entry means for the endpoints of its pattern. A retry is for the endpoint that it names. `attempt` is exact over
 * retries; an entry whose process has died counts one start for each time it was handed out, which is an upper bound.
 */
export const recordOf = (
  source: Source,
  stream: string,
  entry: Entry,
  deliveries: number,
  all: ReadonlyArray<Target>,
): Record => {
  const retried = source === 'retry'
  const { fields } = entry
  const endpoint = retried ? fields[field.endpoint] : undefined
  const targets = endpoint === undefined ? all : all.filter(({ subscription }) => subscription.endpoint === endpoint)
  const origin = (retried ? fields[field.origin] : undefined) ?? `${stream}/${entry.id}`
  return {
    source,
    stream,
    entry,
    message: messageOf(entry, origin),
    origin,
    deliveries,
    attempt: Math.max(1, (retried ? numberOf(fields, field.attempt) : undefined) ?? 1) + deliveries - 1,
    firstFailedAt: retried ? numberOf(fields, field.firstFailedAt) : undefined,
    targets,
    open: targets.length,
  }
}

/** What was given back goes before what is new, as it did before it was given back. */
export const earlier = (a: Record, b: Record): number =>
  a.source === b.source ? inOrder(a.entry.id, b.entry.id) : a.source === 'retry' ? -1 : 1

/** The key of a source. */
export const streamOfSource = (source: Source, stream: string, { retry }: GroupKeys): string =>
  source === 'main' ? stream : retry
