/** `taskwire/redis`: a transport over Redis Streams. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Capabilities, Transport } from '../transport.js'
import { transportFailed } from '../broker/failing.js'
import type { RedisContext } from './context.js'

export { redisContext, type RedisContext } from './context.js'

/** A Redis transport with the token `N`. */
export interface Redis<out N extends string = 'redis'> extends Transport<N, RedisContext<N>> {}

export interface RedisOptions<out N extends string = 'redis'> {
  /** The token; default `redis`. */
  readonly name?: N
  /** Where Redis is: `redis://[user:password@]host:port[/db]`, `rediss://` for TLS. Default `redis://127.0.0.1:6379`. */
  readonly url?: string
}

const capabilities: Capabilities = Object.freeze({
  durable: true,
  fanOut: true,
  ordered: true,
  competing: true,
  delayedRetry: true,
  keyedRetry: false,
  isolatedRetry: true,
  deadLetter: true,
  wildcards: false,
  cancel: false,
  noHandler: true,
  exactAttempts: true,
  streams: false,
  batches: false,
})

/** A transport over Redis Streams. */
export const redis = <const N extends string = 'redis'>(options: RedisOptions<N> = {}): Redis<N> => ({
  _tag: 'Transport',
  name: options.name ?? ('redis' as N),
  kind: 'redis',
  capabilities,
  needsName: true,
  maxMessageBytes: 1_048_576,
  problems: [],
  connect: () => TE.left(transportFailed('redis', 'not there yet')),
})
