/** What is declared at the broker. Declaring again is harmless, unless the arguments differ: that is a mismatch. */
import type { Channel, Options } from 'amqplib'
import { deadQueue, eventExchange, requestExchange, retryQueue, type Tier } from './names.js'
import type { Settings } from './options.js'
import type { Wire } from './wire.js'

/** Deliveries of one event that were never settled, crashes of its process for one; after these it is set aside. */
export const deliveryLimit = 20

/** A request queue that nobody consumes from is gone after so long, in milliseconds, also where its last consumer died with the broker. */
const unusedMs = 60_000

const eventOptions = (queue: string, queueType: Settings['queueType']): Options.AssertQueue => ({
  durable: true,
  arguments: {
    'x-queue-type': queueType,
    ...(queueType === 'quorum'
      ? {
          'x-delivery-limit': deliveryLimit,
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': deadQueue(queue),
          'x-dead-letter-strategy': 'at-least-once',
          // n.b. what this strategy asks for; the queue has no limit of its own
          'x-overflow': 'reject-publish',
        }
      : {}),
  },
})

const retryOptions = (queue: string, tier: Tier, queueType: Settings['queueType']): Options.AssertQueue => ({
  durable: true,
  arguments: {
    'x-queue-type': queueType,
    // n.b. of the queue: that of a message would hold up those behind it
    'x-message-ttl': tier,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': queue,
    ...(queueType === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' } : {}),
  },
})

/** A queue for dead letters: the service's own, or one that an endpoint names. */
export const declareDead = async (channel: Channel, queue: string): Promise<void> => {
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'classic' } })
}

export const declareRetry = async (
  channel: Channel,
  queue: string,
  tier: Tier,
  { queueType }: Settings,
): Promise<void> => {
  await channel.assertQueue(retryQueue(queue, tier), retryOptions(queue, tier, queueType))
}

/** The queue of an event endpoint and that of its dead letters. Retry queues are made when they are first needed. */
export const declareEvent = (wire: Wire, settings: Settings, queue: string, pattern: string): Promise<void> =>
  wire.aside(async (channel) => {
    const exchange = eventExchange(settings.prefix)
    await channel.assertExchange(exchange, 'topic', { durable: true })
    await declareDead(channel, deadQueue(queue))
    await channel.assertQueue(queue, eventOptions(queue, settings.queueType))
    await channel.bindQueue(queue, exchange, pattern)
  })

/** The queue of a message pattern. It goes with its last consumer, which is how callers learn that nobody is there. */
export const declareRequest = (wire: Wire, { prefix }: Settings, queue: string, pattern: string): Promise<void> =>
  wire.aside(async (channel) => {
    const exchange = requestExchange(prefix)
    await channel.assertExchange(exchange, 'direct', { durable: true })
    await channel.assertQueue(queue, {
      durable: true,
      autoDelete: true,
      arguments: { 'x-queue-type': 'classic', 'x-expires': unusedMs },
    })
    await channel.bindQueue(queue, exchange, pattern)
  })
