/** `taskwire/amqp`: a transport over RabbitMQ (AMQP 0-9-1). */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Capabilities, Transport } from '../transport.js'
import { loadDriver } from '../broker/driver.js'
import { refused } from '../broker/problems.js'
import { connection } from './connection.js'
import type { AmqpContext } from './context.js'
import { maxMessageBytes, problemsOf, settingsOf, type AmqpOptions } from './options.js'

export { amqpContext, type AmqpContext } from './context.js'
export type { AmqpOptions } from './options.js'

/** A RabbitMQ transport with the token `N`. */
export interface Amqp<out N extends string = 'amqp'> extends Transport<N, AmqpContext<N>> {}

const capabilities: Capabilities = Object.freeze({
  durable: true,
  fanOut: true,
  ordered: true,
  competing: true,
  delayedRetry: true,
  keyedRetry: false,
  isolatedRetry: true,
  deadLetter: true,
  wildcards: true,
  cancel: false,
  noHandler: true,
  exactAttempts: true,
  streams: false,
  batches: false,
})

/**
 * A transport over RabbitMQ (AMQP 0-9-1). Events are kept in a durable queue for each endpoint of a service; requests go to
 * one replica of whoever handles their pattern.
 */
export const amqp = <const N extends string = 'amqp'>(options: AmqpOptions<N>): Amqp<N> => {
  const settings = settingsOf(options)
  const name = settings.name as N
  const problems = problemsOf(settings)
  return {
    _tag: 'Transport',
    name,
    kind: 'amqp',
    capabilities: settings.queueType === 'quorum' ? capabilities : { ...capabilities, exactAttempts: false },
    needsName: true,
    maxMessageBytes,
    problems,
    connect: (environment) =>
      problems.length > 0
        ? TE.left(refused(name, problems))
        : pipe(
            loadDriver(name, 'amqplib', () => import('amqplib')),
            TE.map((driver) => connection<N>(driver, settings, environment)),
          ),
  }
}
