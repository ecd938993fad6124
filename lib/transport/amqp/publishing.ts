/** The connection that messages leave by: one channel with confirms, one for requests and replies. */
import type { Channel, ConfirmChannel, ConsumeMessage, Message, Options } from 'amqplib'
import * as E from 'fp-ts/lib/Either.js'
import { keepOpen, type KeptOpen } from '../broker/keep-open.js'
import type { Environment } from '../transport.js'
import { connectError } from './errors.js'
import { eventExchange, requestExchange } from './names.js'
import type { Settings } from './options.js'
import { tables } from './tables.js'
import { openWire, type Driver, type Wire } from './wire.js'

/** A channel, and whether its buffer in this process is full. */
export interface Outlet<out C extends Channel = Channel> {
  readonly channel: C
  /** As the channel gets them, within this call. */
  readonly encodable: (properties: Options.Publish) => Options.Publish
  full: boolean
}

export interface Publishing {
  readonly wire: Wire
  readonly events: Outlet<ConfirmChannel>
  readonly calls: Outlet
}

/** What whoever publishes wants to know. */
export interface Listening {
  readonly flows: () => void
  /** An event nobody subscribes to came back. */
  readonly eventReturned: (message: Message) => void
  /** A request nobody handles came back. */
  readonly requestReturned: (message: Message) => void
  readonly replied: (message: ConsumeMessage) => void
  /** No reply will come any more to what was sent before. */
  readonly repliesLost: () => void
}

/** The pseudo-queue of direct replies. Source: RabbitMQ, direct reply-to. */
export const replyTo = 'amq.rabbitmq.reply-to'

/** One URL after another, beginning anywhere. */
export const inTurn = (urls: ReadonlyArray<string>, chance: number): (() => string) => {
  let next = Math.floor(chance * urls.length)
  return () => urls[next++ % urls.length] ?? ''
}

const outlet = <C extends Channel>(channel: C, flows: () => void): Outlet<C> => {
  const made: Outlet<C> = { channel, encodable: tables(), full: false }
  channel.on('drain', () => {
    made.full = false
    flows()
  })
  return made
}

const channels = async (
  wire: Wire,
  died: (why: string) => void,
  { flows, eventReturned, requestReturned, replied, repliesLost }: Listening,
): Promise<Omit<Publishing, 'wire'>> => {
  const confirms = await wire.confirms(died)
  confirms.on('return', eventReturned)
  const plain = await wire.channel(died)
  plain.on('return', requestReturned)
  plain.on('close', repliesLost)
  // n.b. before the first request, and on the same channel: the broker closes the channel otherwise
  await plain.consume(
    replyTo,
    (message) => {
      if (message !== null) replied(message)
    },
    { noAck: true },
  )
  return { events: outlet(confirms, flows), calls: outlet(plain, flows) }
}

export const publishing = (
  driver: Driver,
  settings: Settings,
  env: Environment,
  abandon: AbortSignal,
  listening: Listening,
): KeptOpen<Publishing> => {
  const url = inTurn(settings.urls, env.random())
  return keepOpen<Publishing>(env, settings.name, {
    what: `${settings.name}: the publishing connection`,
    open: async (lost) => {
      const opened = await openWire(driver, url(), settings, env, {
        purpose: 'publishing',
        lost,
        abandon,
        flows: listening.flows,
      })
      if (E.isLeft(opened)) return opened
      const wire = opened.right
      try {
        await wire.aside(async (channel) => {
          await channel.assertExchange(eventExchange(settings.prefix), 'topic', { durable: true })
          await channel.assertExchange(requestExchange(settings.prefix), 'direct', { durable: true })
        })
        return E.right({ wire, ...(await channels(wire, lost, listening)) })
      } catch (error) {
        await wire.close()
        return E.left(connectError(settings.name, 'cannot publish', error))
      }
    },
    close: ({ wire }) => wire.close(),
  })
}
