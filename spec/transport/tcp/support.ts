/** What the TCP specs share: connections over real sockets with small limits, and calls as promises. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { tcp, type TcpContext, type TcpOptions } from 'taskwire/tcp'
import { onTestFinished } from 'vitest'
import { freshId, realClock, secureRandom } from '../../../lib/core/clock.js'
import { noHeaders } from '../../../lib/core/envelope.js'
import type { Deliver, Delivery } from '../../../lib/core/delivery.js'
import type { Settlement } from '../../../lib/core/settlement.js'
import type { Wire } from '../../../lib/transport/tcp/writer.js'
import type {
  Address,
  Answer,
  Connection,
  Environment,
  Outgoing,
  Subscription,
} from '../../../lib/transport/transport.js'

export type TcpConnection = Connection<TcpContext<string>>
export type TcpDelivery = Delivery<TcpContext<string>>
export type TcpDeliver = Deliver<TcpContext<string>>

export const environment = (given: Partial<Environment> = {}): Environment => {
  const random = secureRandom()
  return { clock: realClock, random, group: 'spec', instance: freshId(random), log: () => undefined, ...given }
}

export const right = <E, A>(either: Either<E, A>): A => {
  if (E.isLeft(either)) throw new Error(`a Left: ${JSON.stringify(either.left)}`)
  return either.right
}

export const connected = async (
  options: TcpOptions<string>,
  given: Partial<Environment> = {},
): Promise<TcpConnection> => {
  const connection = right(await tcp(options).connect(environment(given))())
  onTestFinished(() => connection.close())
  return connection
}

export const on = (kind: 'event' | 'message', pattern: string, endpoint = pattern): Subscription => ({
  endpoint,
  kind,
  pattern,
  concurrency: 32,
  window: 32,
})

export interface Serving {
  readonly connection: TcpConnection
  readonly address: Address
  readonly port: number
  readonly stop: () => Promise<void>
  readonly logged: ReadonlyArray<string>
}

/** A server on a free port. */
export const serving = async (
  subscriptions: ReadonlyArray<Subscription>,
  deliver: TcpDeliver,
  options: TcpOptions<string> = {},
  given: Partial<Environment> = {},
): Promise<Serving> => {
  const logged: Array<string> = []
  const connection = await connected({ port: 0, ...options }, { log: (line) => void logged.push(line), ...given })
  const stop = right(await connection.subscribe(subscriptions, deliver)())
  const address = O.toNullable(connection.address())
  if (address === null) throw new Error('no address')
  return { connection, address, port: address.port, stop, logged }
}

export const reply = (body: string | Uint8Array): Settlement => ({ _tag: 'Reply', status: 'ok', body })

/** Answers every request with its own body. */
export const echo: TcpDeliver = (delivery, settle) => {
  delivery.admitted?.(undefined)
  settle({ _tag: 'Reply', status: 'ok', body: delivery.body })
}

export const outgoing = (pattern: string, body: string | Uint8Array, more: Partial<Outgoing> = {}): Outgoing => ({
  pattern,
  body,
  contentType: 'application/json',
  headers: noHeaders,
  messageId: undefined,
  correlationId: undefined,
  causationId: undefined,
  key: undefined,
  timeoutMs: 10_000,
  idempotent: false,
  mandatory: false,
  ...more,
})

export const request = (connection: TcpConnection, message: Outgoing): Promise<Answer> =>
  new Promise((resolve) => void connection.request(message, resolve))

export const publish = (connection: TcpConnection, message: Outgoing): Promise<Answer> =>
  new Promise((resolve) => void connection.publish(message, resolve))

export const text = (answer: Answer): string =>
  answer._tag === 'Reply' ? Buffer.from(answer.body).toString() : JSON.stringify(answer)

export const until = async (done: () => boolean, within = 5_000): Promise<void> => {
  const end = performance.now() + within
  while (!done()) {
    if (performance.now() > end) throw new Error('it did not happen in time')
    await new Promise((resolve) => void setTimeout(resolve, 2))
  }
}

/** A wire that takes everything and does nothing: a spec replaces what it looks at. */
export const silentWire: Wire = {
  write: () => true,
  end: () => undefined,
  destroy: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  writableLength: () => 0,
  queued: () => 0,
}
