/** Names of topics and groups, documented in `docs/kafka.md`. */
import { nameOf, within } from '../broker/names.js'

/** The longest name of a topic. */
const longest = 249
/** How many are remembered. */
const mostKnown = 1_000

/** Names under a prefix. n.b. `.` and `_` collide on Kafka, so what is derived is joined by `--`, which no pattern makes. */
export interface Names {
  /** Events of a pattern. */
  readonly events: (pattern: string) => string
  /** Requests of a pattern. */
  readonly requests: (pattern: string) => string
  /** Events that a service handles again later, and dead letters that were put back. */
  readonly retry: (pattern: string, group: string) => string
  /** Dead letters of a service. */
  readonly letters: (pattern: string, group: string) => string
  /** Replies to every client under the prefix. */
  readonly replies: string
  /** The consumer group of a service, for events. */
  readonly group: (group: string) => string
  /** The consumer group of a service, for requests. */
  readonly requestGroup: (group: string) => string
  /** The consumer group of one client, for replies. */
  readonly replyGroup: (instance: string) => string
}

export const namesOf = (prefix: string): Names => {
  const named = (...parts: ReadonlyArray<string>): string => within(longest, prefix + parts.join('--'))
  // n.b. asked for with each message, and worked out letter by letter
  const remembered = (name: (pattern: string) => string): ((pattern: string) => string) => {
    const known = new Map<string, string>()
    return (pattern) => {
      const found = known.get(pattern)
      if (found !== undefined) return found
      if (known.size === mostKnown) known.clear()
      const made = name(pattern)
      known.set(pattern, made)
      return made
    }
  }
  return {
    events: remembered((pattern) => named(nameOf(pattern))),
    requests: remembered((pattern) => named(nameOf(pattern), 'requests')),
    retry: (pattern, group) => named(nameOf(pattern), nameOf(group), 'retry'),
    letters: (pattern, group) => named(nameOf(pattern), nameOf(group), 'dlq'),
    replies: named('taskwire', 'replies'),
    group: (group) => named(nameOf(group)),
    requestGroup: (group) => named(nameOf(group), 'requests'),
    replyGroup: (instance) => named('taskwire', 'replies', nameOf(instance)),
  }
}

/** The address in a request is anybody's text: only a partition of the topic of replies is one. */
export const replyToOf = (text: string | undefined, topic: string, partitions: number): number | undefined => {
  const at = text?.lastIndexOf('/') ?? -1
  if (text === undefined || text.slice(0, at) !== topic) return undefined
  const digits = text.slice(at + 1)
  return /^\d{1,6}$/.test(digits) && Number(digits) < partitions ? Number(digits) : undefined
}
