/**
 * Keys on Redis. Everything that belongs to one stream holds the stream's key as its hash tag, so that Redis Cluster keeps
 * it on one node, where one script may touch all of it. No pattern and no name of a service leads to a key of another:
 * names hold no `:`, `{` or `}`, and each kind of key has its own number of parts.
 */
import { nameOf } from '../broker/names.js'

/** The keys of one event pattern. */
export interface EventKeys {
  /** The stream that everybody publishes to. */
  readonly stream: string
  /** When the groups of the stream were last seen: what the trimming remembers. */
  readonly seen: string
}

/** What one service has beside an event stream. */
export interface GroupKeys {
  /** The consumer group, on the stream and on the stream of retries. */
  readonly group: string
  /** A sorted set: what is to be delivered again, by the time when it is due. */
  readonly delayed: string
  /** A stream: what is due, and what was given back. */
  readonly retry: string
  /** A stream: the dead letters. */
  readonly dead: string
}

/** The keys of one message pattern. */
export interface RequestKeys {
  readonly stream: string
  /** A sorted set of the replicas that answer, each with the time until which it is taken for alive. */
  readonly presence: string
}

/** Every replica reads requests as this group, of whatever service. */
export const requestGroup = 'requests'

/** The stream of an event pattern. */
export const streamOf = (prefix: string, pattern: string): string => prefix + nameOf(pattern)

export const eventKeys = (prefix: string, pattern: string): EventKeys => {
  const stream = streamOf(prefix, pattern)
  return { stream, seen: `{${stream}}:seen` }
}

export const groupKeys = (stream: string, service: string): GroupKeys => {
  const group = nameOf(service)
  const own = `{${stream}}:${group}`
  return { group, delayed: `${own}:delayed`, retry: `${own}:retry`, dead: `${own}:dlq` }
}

export const requestKeys = (prefix: string, pattern: string): RequestKeys => {
  const tag = `{${streamOf(prefix, pattern)}}`
  return { stream: `${tag}:requests`, presence: `${tag}:presence` }
}

/** Whoever names a channel that ends so takes several replies in one message. n.b. no name of ours holds it otherwise. */
const many = '--many'

/** The channel that the replies to one instance are published to. */
export const replyChannel = (prefix: string, instance: string): string => `${prefix}replies:${nameOf(instance)}${many}`

export const takesMany = (channel: string): boolean => channel.endsWith(many)

/** Whether a reply may be published there: a request names its channel, and whoever sent it may have had another in mind. */
export const isReplyChannel = (prefix: string, channel: string): boolean =>
  channel.startsWith(`${prefix}replies:`) && /^[A-Za-z0-9.-]{1,200}$/.test(channel.slice(prefix.length + 8))

/** As many patterns as anybody has, and a bound for those that are made up on the way. */
const mostPatterns = 10_000

/** Remembers what was worked out of a pattern: encoding it for each message took a twentieth of a caller's time. */
export const remembered = <A>(of: (pattern: string) => A): ((pattern: string) => A) => {
  const known = new Map<string, A>()
  return (pattern) => {
    const before = known.get(pattern)
    if (before !== undefined) return before
    if (known.size >= mostPatterns) known.clear()
    const made = of(pattern)
    known.set(pattern, made)
    return made
  }
}
