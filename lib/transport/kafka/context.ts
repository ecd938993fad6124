/** What handlers are told about a message that came through Kafka. */
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import type { Context } from '../../core/context.js'
import { fixtureContext } from '../../core/fixture.js'

export interface KafkaContext<out N extends string = 'kafka'> extends Context<N> {
  readonly transport: 'kafka'
  /** The topic that the record was published to. */
  readonly topic: string
  readonly partition: number
  /** A 64-bit number, as text. */
  readonly offset: string
  readonly key: Option<string>
  /** Of the record, in Unix milliseconds. */
  readonly timestamp: number
}

/** A context for calling handlers of the Kafka transport as plain functions; give `name` for another token. */
export const kafkaContext = <const N extends string = 'kafka'>(
  fields: Partial<KafkaContext<N>> = {},
): KafkaContext<N> => ({
  ...fixtureContext({
    transport: 'kafka',
    name: 'kafka' as N,
    topic: 'fixture',
    partition: 0,
    offset: '0',
    key: O.none,
    timestamp: 0,
  }),
  ...fields,
})
