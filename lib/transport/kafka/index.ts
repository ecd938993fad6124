/** `taskwire/kafka`: a transport over Apache Kafka. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Capabilities, Transport } from '../transport.js'
import { transportFailed } from '../broker/failing.js'
import type { KafkaContext } from './context.js'

export { kafkaContext, type KafkaContext } from './context.js'

/** A Kafka transport with the token `N`. */
export interface Kafka<out N extends string = 'kafka'> extends Transport<N, KafkaContext<N>> {}

export interface KafkaOptions<out N extends string = 'kafka'> {
  /** The token; default `kafka`. */
  readonly name?: N
  /** Brokers to begin with: `host:port` each. */
  readonly brokers: ReadonlyArray<string>
}

const capabilities: Capabilities = Object.freeze({
  durable: true,
  fanOut: true,
  ordered: false,
  competing: true,
  delayedRetry: true,
  keyedRetry: true,
  isolatedRetry: false,
  deadLetter: true,
  wildcards: false,
  cancel: false,
  noHandler: false,
  exactAttempts: false,
  streams: false,
  batches: false,
})

/** A transport over Apache Kafka. */
export const kafka = <const N extends string = 'kafka'>(options: KafkaOptions<N>): Kafka<N> => ({
  _tag: 'Transport',
  name: options.name ?? ('kafka' as N),
  kind: 'kafka',
  capabilities,
  needsName: true,
  maxMessageBytes: 921_600,
  problems: [],
  connect: () => TE.left(transportFailed('kafka', 'not there yet')),
})
