/** From an entry to what its handler is told. */
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import { makeContext } from '../../core/context.js'
import { describe, headersOf, type Described } from '../broker/attributes.js'
import type { RedisContext } from './context.js'
import type { Entry } from './entry.js'

/** Ids from the wire that are longer are taken for none, in characters. */
const longestId = 1_024

/** What an entry says of itself, with what it leaves out. */
export interface Message {
  readonly described: Described
  readonly messageId: string
  /** It carries its id. */
  readonly identified: boolean
}

const bounded = (id: string | undefined): string | undefined =>
  id === undefined || id.length > longestId ? undefined : id

/** `place` says where the entry was published: its id, where it carries none. */
export const messageOf = ({ fields }: Entry, place: string): Message => {
  const described = describe(fields, 'ce_')
  const id = bounded(described.id)
  return { described, messageId: id ?? place, identified: id !== undefined }
}

interface Told {
  readonly name: string
  readonly pattern: string
  readonly stream: string
  readonly deliveries: number
  readonly attempt: number
  readonly deadline: Option<number>
}

/** n.b. one for each endpoint: each has a signal of its own. */
export const contextOf = (
  { id, fields }: Entry,
  { described, messageId }: Message,
  { name, pattern, stream, deliveries, attempt, deadline }: Told,
): RedisContext<string> =>
  makeContext({
    transport: 'redis' as const,
    name,
    pattern,
    messageId,
    correlationId: bounded(described.correlationId) ?? messageId,
    causationId: O.fromNullable(bounded(described.causationId)),
    headers: headersOf(fields),
    attempt,
    deadline,
    stream,
    entryId: id,
    deliveries,
  })
