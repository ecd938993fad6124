/** `taskwire/kafka`: a transport over Apache Kafka. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pipe } from 'fp-ts/lib/function.js'
import { loadDriver } from '../broker/driver.js'
import { refused } from '../broker/problems.js'
import type { Capabilities, Transport } from '../transport.js'
import { connection } from './connection.js'
import type { KafkaContext } from './context.js'
import { maxMessageBytes, settingsOf, type KafkaOptions } from './options.js'

export { kafkaContext, type KafkaContext } from './context.js'
export type { KafkaConsumerOptions, KafkaJsOptions, KafkaOptions, TopicCreation } from './options.js'

/** A Kafka transport with the token `N`. */
export interface Kafka<out N extends string = 'kafka'> extends Transport<N, KafkaContext<N>> {}

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

/**
 * A transport over Apache Kafka. Services that share a name share partitions; nothing is opened, and mistakes in the options
 * are reported, by `connect`.
 */
export const kafka = <const N extends string = 'kafka'>(options: KafkaOptions<N>): Kafka<N> => {
  const { settings, problems } = settingsOf(options)
  // n.b. the default of N is the default of the option
  const name = settings.name as N
  return {
    _tag: 'Transport',
    name,
    kind: 'kafka',
    capabilities: settings.retryTopics ? { ...capabilities, keyedRetry: false, isolatedRetry: true } : capabilities,
    needsName: true,
    maxMessageBytes,
    problems,
    connect: (environment) =>
      problems.length > 0
        ? TE.left(refused(name, problems))
        : pipe(
            loadDriver(name, 'kafkajs', () => import('kafkajs')),
            TE.map(({ default: driver }) => connection(name, driver, settings, environment)),
          ),
  }
}
