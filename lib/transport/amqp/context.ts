/** What handlers are told about a message that came through RabbitMQ. */
import type { Context } from '../../core/context.js'
import { fixtureContext } from '../../core/fixture.js'

export interface AmqpContext<out N extends string = 'amqp'> extends Context<N> {
  readonly transport: 'amqp'
  /** The exchange that the message was published to. */
  readonly exchange: string
  readonly routingKey: string
  /** The queue that it was consumed from. */
  readonly queue: string
  /** The broker has delivered it before, and it was not acknowledged then. */
  readonly redelivered: boolean
}

/** A context for calling handlers of the AMQP transport as plain functions; give `name` for another token. */
export const amqpContext = <const N extends string = 'amqp'>(fields: Partial<AmqpContext<N>> = {}): AmqpContext<N> => ({
  ...fixtureContext({
    transport: 'amqp',
    name: 'amqp' as N,
    exchange: 'taskwire.events',
    routingKey: 'fixture',
    queue: 'fixture',
    redelivered: false,
  }),
  ...fields,
})
