/** Services, callers and foreign programs on a part of a broker; all of it is gone after the test. */
import type { ConsumeMessage } from 'amqplib'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import {
  createClient,
  deadLetters,
  listen,
  type Client,
  type DeadLetters,
  type ListenOptions,
  type Running,
  type StartError,
} from 'taskwire'
import type { AmqpOptions } from 'taskwire/amqp'
import { onTestFinished } from 'vitest'
import type { AnyEndpoint } from '../../../lib/core/endpoint.js'
import type { Service } from '../../../lib/core/service.js'
import { part, type Part } from './subject.js'

/** A definition without transports. */
export type Definition = Service<never, AnyEndpoint>

export interface Place extends Part {
  readonly attempt: (definition: Definition, options?: ListenOptions) => Promise<Either<StartError, Running>>
  readonly serve: (definition: Definition, options?: ListenOptions) => Promise<Running>
  readonly caller: () => Client
  readonly letters: (definition: Definition) => DeadLetters
  /** Everything that is published to an exchange with this key from now on, as another program gets it. */
  readonly overhear: (exchange: string, key: string) => Promise<ReadonlyArray<ConsumeMessage>>
  /** What services and callers have logged. */
  readonly logged: ReadonlyArray<string>
}

export const right = <L, A>(result: Either<L, A>): A => {
  if (E.isLeft(result)) throw new Error(`a Left: ${JSON.stringify(result.left)}`)
  return result.right
}

export const until = async (what: string, test: () => boolean, ms = 20_000): Promise<void> => {
  for (const end = Date.now() + ms; !test(); await new Promise((resolve) => setTimeout(resolve, 5)))
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`)
}

export const place = async (url: string, options: Omit<AmqpOptions, 'url' | 'name'> = {}): Promise<Place> => {
  const own = await part(url, options)
  const running: Array<Running> = []
  const clients: Array<Client> = []
  const logged: Array<string> = []
  const log = (line: string): void => void logged.push(line)
  onTestFinished(async () => {
    await Promise.all(clients.map((one) => one.close()))
    await Promise.all(running.map((one) => one.stop()))
    await own.dispose()
  })
  const attempt: Place['attempt'] = async (definition, given) => {
    const hurry = { drainTimeout: 2_000, abortGrace: 100, log }
    const started = await listen({ ...definition, transports: [own.transport('amqp')] }, { ...hurry, ...given })()
    if (E.isRight(started)) running.push(started.right)
    return started
  }
  return {
    ...own,
    logged,
    attempt,
    serve: async (definition, given) => right(await attempt(definition, given)),
    caller: () => {
      const client = createClient(own.transport('amqp'), { log, name: 'caller' })
      clients.push(client)
      return client
    },
    letters: (definition) => deadLetters({ ...definition, transports: [own.transport('amqp')] }, { log }),
    overhear: (exchange, key) =>
      own.listen(async (channel) => {
        const heard: Array<ConsumeMessage> = []
        const { queue } = await channel.assertQueue('', { exclusive: true })
        await channel.bindQueue(queue, exchange, key)
        const note = (message: ConsumeMessage | null): void => {
          if (message !== null) heard.push(message)
        }
        await channel.consume(queue, note, { noAck: true })
        return heard
      }),
  }
}
