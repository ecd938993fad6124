/** `taskwire/amqp`: a transport over RabbitMQ (AMQP 0-9-1). */
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Capabilities, Transport } from '../transport.js'
import { transportFailed } from '../broker/failing.js'
import type { AmqpContext } from './context.js'

export { amqpContext, type AmqpContext } from './context.js'

/** A RabbitMQ transport with the token `N`. */
export interface Amqp<out N extends string = 'amqp'> extends Transport<N, AmqpContext<N>> {}

export interface AmqpOptions<out N extends string = 'amqp'> {
  /** The token; default `amqp`. */
  readonly name?: N
  /** Where RabbitMQ is: one URL or several of one cluster, `amqp://user:password@host:port/vhost`, `amqps://` for TLS. */
  readonly url: string | ReadonlyArray<string>
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
  wildcards: true,
  cancel: false,
  noHandler: true,
  exactAttempts: true,
  streams: false,
  batches: false,
})

/** A transport over RabbitMQ (AMQP 0-9-1). */
export const amqp = <const N extends string = 'amqp'>(options: AmqpOptions<N>): Amqp<N> => ({
  _tag: 'Transport',
  name: options.name ?? ('amqp' as N),
  kind: 'amqp',
  capabilities,
  needsName: true,
  maxMessageBytes: 1_048_576,
  problems: [],
  connect: () => TE.left(transportFailed('amqp', 'not there yet')),
})
