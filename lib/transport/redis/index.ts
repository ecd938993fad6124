/**
 * `taskwire/redis`: a transport over Redis Streams. Events lie in streams until every service has handled them; requests
 * go through streams too, and their replies come by pub/sub. `docs/redis.md` says which keys there are.
 */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Capabilities, Connection, Transport } from '../transport.js'
import { refused } from '../broker/problems.js'
import { connection } from './connection.js'
import type { RedisContext } from './context.js'
import { settingsOf, type RedisOptions } from './options.js'
import { driver } from './wire.js'

export { redisContext, type RedisContext } from './context.js'
export { redisDedupe, type RedisDedupe, type RedisDedupeOptions } from './dedupe.js'
export type { RedisLimits } from './limits.js'
export type { RedisCluster, RedisOptions } from './options.js'

/** A Redis transport with the token `N`. */
export interface Redis<out N extends string = 'redis'> extends Transport<N, RedisContext<N>> {}

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

/** The largest body, in bytes. */
const maxMessageBytes = 1_048_576

/** A transport over Redis Streams. Nothing is opened, and the driver is not loaded, before it connects. */
export const redis = <const N extends string = 'redis'>(options: RedisOptions<N> = {}): Redis<N> => {
  const { settings, problems } = settingsOf(options)
  return {
    _tag: 'Transport',
    // n.b. the default of N is the default of the option
    name: settings.name as N,
    kind: 'redis',
    capabilities,
    needsName: true,
    maxMessageBytes,
    problems,
    connect: (environment) =>
      problems.length > 0
        ? TE.left(refused(settings.name, problems))
        : pipe(
            driver(settings.name),
            TE.map(
              (loaded) => connection(loaded, settings, environment, maxMessageBytes) as Connection<RedisContext<N>>,
            ),
          ),
  }
}
