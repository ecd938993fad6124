/** The transports this example runs on; one more would be one more entry here. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Address } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { kafka } from 'taskwire/kafka'
import { redis } from 'taskwire/redis'
import { tcp } from 'taskwire/tcp'

const given = (variable: string, otherwise: string): string => process.env[variable] ?? otherwise

// A broker is where both sides meet, so that one transport serves and calls.
const brokers = {
  redis: () => redis({ url: given('REDIS_URL', 'redis://127.0.0.1:6379') }),
  amqp: () => amqp({ url: given('AMQP_URL', 'amqp://guest:guest@127.0.0.1:5672') }),
  kafka: () => kafka({ brokers: given('KAFKA_BROKERS', '127.0.0.1:9092').split(','), createTopics: true }),
} as const

export type BrokerKind = keyof typeof brokers
export type Kind = 'tcp' | BrokerKind

const kinds: ReadonlyArray<Kind> = ['tcp', 'redis', 'amqp', 'kafka']

export const kindOf = (text: string): Either<string, Kind> => {
  const kind = kinds.find((one) => one === text)
  return kind === undefined
    ? E.left(`no transport ${JSON.stringify(text)}; there is ${kinds.join(', ')}`)
    : E.right(kind)
}

/** What the service listens on. */
export const serving = (kind: Kind, port: number) => (kind === 'tcp' ? tcp({ port }) : brokers[kind]())
/** How the gateway reaches it: over TCP at its address, else through the broker. */
export const calling = (kind: Kind, address: Address | null) =>
  kind === 'tcp' ? tcp({ endpoints: address === null ? [] : [address] }) : brokers[kind]()
