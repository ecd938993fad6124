/** RabbitMQ as a subject of the conformance kit. */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib'
import * as E from 'fp-ts/lib/Either.js'
import { amqp, type AmqpOptions } from 'taskwire/amqp'
import type { Subject, World } from 'taskwire/testing'
import type { Subscription, Transport } from '../../../lib/transport/transport.js'
import {
  deadQueue,
  eventExchange,
  eventQueue,
  requestExchange,
  requestQueue,
  retryQueue,
  tiers,
} from '../../../lib/transport/amqp/names.js'

/** Closes a connection, its socket included: the driver leaves that to the broker. */
const hangUp = async (model: ChannelModel): Promise<void> => {
  const { stream } = model.connection as unknown as { readonly stream: Socket }
  const gone = new Promise((resolve) => stream.once('close', resolve))
  await model.close()
  stream.destroy()
  await gone
}

/** A part of a broker with names of its own. */
export interface Part extends World {
  readonly prefix: string
  /** Runs `work` on a channel of another program. */
  readonly aside: <A>(work: (channel: ConfirmChannel) => Promise<A>) => Promise<A>
  /** The same on a channel that stays open. */
  readonly listen: <A>(work: (channel: ConfirmChannel) => Promise<A>) => Promise<A>
}

export const part = async (url: string, options: Omit<AmqpOptions, 'url' | 'name'> = {}): Promise<Part> => {
  const prefix = `spec-${randomBytes(6).toString('hex')}.`
  const events = new Set<string>()
  const requests = new Set<string>()
  let model: ChannelModel | undefined

  const note = (group: string, subscriptions: ReadonlyArray<Subscription>): void => {
    for (const { kind, endpoint, pattern } of subscriptions)
      if (kind === 'event') events.add(eventQueue(prefix, group, endpoint))
      else requests.add(requestQueue(prefix, pattern))
  }
  const transport = (name: string): Transport => {
    const made = amqp({ url, name, prefix, ...options })
    return {
      ...made,
      connect: (environment) => async () => {
        const connected = await made.connect(environment)()
        if (E.isLeft(connected)) return connected
        const { subscribe } = connected.right
        return E.right({
          ...connected.right,
          subscribe: (subscriptions, deliver) => {
            note(environment.group, subscriptions)
            return subscribe(subscriptions, deliver)
          },
        })
      },
    }
  }
  const open = async (): Promise<ConfirmChannel> => {
    if (model === undefined) {
      model = await connect(url)
      model.on('error', () => undefined)
      model.on('close', () => (model = undefined))
    }
    const channel = await model.createConfirmChannel()
    channel.on('error', () => undefined)
    return channel
  }
  const aside = async <A>(work: (channel: ConfirmChannel) => Promise<A>): Promise<A> => {
    const channel = await open()
    try {
      return await work(channel)
    } finally {
      await channel.close().catch(() => undefined)
    }
  }
  return {
    prefix,
    aside,
    listen: async (work) => work(await open()),
    transport,
    client: (_, name) => transport(name),
    breakDeadLetters: () =>
      aside(async (channel) => {
        const queues = [...events].map(deadQueue)
        for (const queue of queues) {
          await channel.deleteQueue(queue)
          await channel.assertQueue(queue, { maxLength: 0, arguments: { 'x-overflow': 'reject-publish' } })
        }
        return () =>
          aside(async (mending) => {
            for (const queue of queues) {
              await mending.deleteQueue(queue)
              await mending.assertQueue(queue, { arguments: { 'x-queue-type': 'classic' } })
            }
          })
      }),
    dispose: async () => {
      await aside(async (channel) => {
        for (const queue of events)
          for (const each of [queue, deadQueue(queue), ...tiers.map((tier) => retryQueue(queue, tier))])
            await channel.deleteQueue(each)
        for (const queue of requests) await channel.deleteQueue(queue)
        for (const exchange of [eventExchange(prefix), requestExchange(prefix)]) await channel.deleteExchange(exchange)
      })
      if (model !== undefined) await hangUp(model)
    },
  }
}

export const amqpSubject = (url: string): Subject => ({
  name: 'amqp',
  capabilities: amqp({ url }).capabilities,
  world: () => part(url),
  patience: 30_000,
})
