/** Transports with contexts of their own, as types only: what a broker's context does to handlers, without a broker. */
import type { Option } from 'fp-ts/lib/Option.js'
import type { Context, Transport } from 'taskwire'

export interface KafkaContext<out N extends string = 'kafka'> extends Context<N> {
  readonly transport: 'kafka'
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly key: Option<string>
  readonly timestamp: number
}
export interface AmqpContext<out N extends string = 'amqp'> extends Context<N> {
  readonly transport: 'amqp'
  readonly exchange: string
  readonly routingKey: string
  readonly queue: string
  readonly redelivered: boolean
}
export interface RedisContext<out N extends string = 'redis'> extends Context<N> {
  readonly transport: 'redis'
  readonly stream: string
  readonly entryId: string
  readonly deliveries: number
}
export interface Kafka<out N extends string = 'kafka'> extends Transport<N, KafkaContext<N>> {}
export interface Amqp<out N extends string = 'amqp'> extends Transport<N, AmqpContext<N>> {}
export interface Redis<out N extends string = 'redis'> extends Transport<N, RedisContext<N>> {}

export declare function kafka<const N extends string = 'kafka'>(options: {
  readonly name?: N
  readonly brokers: ReadonlyArray<string>
}): Kafka<N>
export declare function amqp<const N extends string = 'amqp'>(options: {
  readonly name?: N
  readonly url: string | ReadonlyArray<string>
}): Amqp<N>
export declare function redis<const N extends string = 'redis'>(options?: {
  readonly name?: N
  readonly url?: string
}): Redis<N>
