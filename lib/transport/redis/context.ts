/** What handlers are told about a message that came through Redis. */
import type { Context } from '../../core/context.js'
import { fixtureContext } from '../../core/fixture.js'

export interface RedisContext<out N extends string = 'redis'> extends Context<N> {
  readonly transport: 'redis'
  /** The key of the stream that the entry lies in. */
  readonly stream: string
  /** The entry's id: `1526919030474-0`. */
  readonly entryId: string
  /** How often Redis has handed the entry to a consumer of this group, this time included. Requests: always 1. */
  readonly deliveries: number
}

/** A context for calling handlers of the Redis transport as plain functions; give `name` for another token. */
export const redisContext = <const N extends string = 'redis'>(
  fields: Partial<RedisContext<N>> = {},
): RedisContext<N> => ({
  ...fixtureContext({ transport: 'redis', name: 'redis' as N, stream: 'fixture', entryId: '1-0', deliveries: 1 }),
  ...fields,
})
