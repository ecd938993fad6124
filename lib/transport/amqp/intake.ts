/** Consumes one queue: a channel of its own, opened again whenever it is lost, the queue declared again each time. */
import type { Channel, ConsumeMessage } from 'amqplib'
import * as E from 'fp-ts/lib/Either.js'
import { keepOpen, type KeptOpen } from '../broker/keep-open.js'
import { reasonOf } from '../broker/failing.js'
import type { Environment } from '../transport.js'
import { connectError } from './errors.js'
import type { Settings } from './options.js'
import { settling, type Settling } from './settling.js'
import { atMost, type Wire } from './wire.js'

/** A channel that deliveries come by. What was delivered can only be settled by it, and not after it was lost. */
export interface Live {
  readonly wire: Wire
  readonly channel: Channel
  readonly settling: Settling
  readonly lost: (why: string) => void
  open: boolean
}

/** What a queue delivered. */
export interface Taken {
  readonly message: ConsumeMessage
  readonly live: Live
}

export interface Intake {
  readonly kept: KeptOpen<Live>
  /** Holds more unsettled deliveries from now on. */
  readonly widen: () => void
  /** Ends the deliveries; the channel stays, for what is still to be settled. Idempotent. */
  readonly stop: () => Promise<void>
  /** Resolves when the last acknowledgement has certainly been applied. */
  readonly quiet: () => Promise<void>
}

export interface Consumption {
  readonly queue: string
  readonly declare: (wire: Wire) => Promise<void>
  /** Unsettled deliveries at a time. */
  readonly prefetch: number
  /** As many more, which no replica has a place for, once it was widened. */
  readonly more: number
  /** It is wide from the start. */
  readonly wide: boolean
  /** Never throws. */
  readonly take: (taken: Taken) => void
}

/** The largest that fits its field. */
const mostPrefetch = 65_535

/** How long the broker may take to end the deliveries, in milliseconds. */
const cancelMs = 2_000

/** When it is told that the broker has not answered yet, in milliseconds. */
const silentMs = 10_000

/**
 * How long after the last acknowledgement its channel may be closed, in milliseconds. n.b. a quorum queue applies them
 * later than it takes them, and forgets those of a closed channel that it has not applied: seen with 467 of 500 events.
 */
const applyMs = 50

/** Acknowledges; false when the channel is gone, and with it the delivery. */
export const ack = ({ message, live }: Taken): boolean => {
  if (live.open) live.settling.ack(message)
  return live.open
}

/** Gives it back to the queue, to the place it came from. */
export const giveBack = ({ message, live }: Taken): void => {
  if (live.open) live.settling.giveBack(message)
}

export const intake = (
  settings: Settings,
  env: Environment,
  link: KeptOpen<Wire>,
  consumption: Consumption,
): Intake => {
  const { queue, declare, prefetch, more } = consumption
  const { name } = settings
  let wide = consumption.wide
  let stopping: Promise<void> | undefined
  const running = new Set<string>()
  let changing: Promise<void> = Promise.resolve()

  const begin = async (live: Live, consumerTag: string, places: number, priority: number): Promise<void> => {
    await live.channel.prefetch(Math.min(places, mostPrefetch))
    const take = (message: ConsumeMessage | null): void => {
      if (message === null) live.lost('the queue was deleted')
      else {
        live.settling.taken(message)
        consumption.take({ message, live })
      }
    }
    await live.channel.consume(queue, take, { consumerTag, priority })
    running.add(consumerTag)
  }
  // The second consumer takes what finds no place with the first one, here or at any replica. n.b. the broker serves
  // priorities in order, and what it has for several consumers of a channel at once in the order of their tags: so the
  // two together get the events in the order of the queue.
  const consume = async (live: Live): Promise<void> => {
    await begin(live, '1', prefetch, 0)
    if (wide && more > 0) await begin(live, '2', more, -1)
  }
  const extend = async (): Promise<void> => {
    const live = kept.current()
    if (live?.open !== true || stopping !== undefined || !running.has('1')) return
    try {
      await begin(live, '2', more, -1)
    } catch (error) {
      live.lost(reasonOf(error))
    }
  }
  const cancel = async (): Promise<void> => {
    const live = kept.current()
    if (live?.open === true) await Promise.all([...running].map((tag) => live.channel.cancel(tag)))
    running.clear()
  }

  const opening = async (wire: Wire, lost: (why: string) => void): Promise<Live> => {
    const channel = await wire.channel(lost)
    running.clear()
    const live: Live = { wire, channel, settling: settling(channel, env.clock), open: true, lost }
    channel.on('close', () => {
      live.open = false
      queueMicrotask(() => {
        lost('its connection was lost')
      })
    })
    try {
      if (stopping === undefined) await consume(live)
      return live
    } catch (error) {
      await wire.release(channel)
      throw error
    }
  }

  const kept = keepOpen<Live>(
    // n.b. with its connection every consumer is lost, and the line about the connection says it all
    {
      ...env,
      log: (line) => {
        if (link.current() !== undefined) env.log(line)
      },
    },
    name,
    {
      what: `${name}: the consumer of ${queue}`,
      open: async (lost) => {
        const opened = await link.opened()
        if (E.isLeft(opened)) return opened
        // n.b. another attempt would not help: a quorum queue without a leader answers nobody, and all once it has one
        const heard = env.clock.after(silentMs, () => {
          env.log(`${name}: the broker does not answer whether ${queue} can be consumed, it is waited for`)
        })
        try {
          if (stopping === undefined) await declare(opened.right)
          return E.right(await opening(opened.right, lost))
        } catch (error) {
          return E.left(connectError(name, `cannot consume ${queue}`, error))
        } finally {
          heard()
        }
      },
      close: ({ wire, channel }) => wire.release(channel),
    },
  )

  return {
    kept,
    quiet: async () => {
      const live = kept.current()
      if (live?.open !== true) return
      live.settling.flush()
      const left = live.settling.ackedAt() + applyMs - env.clock.now()
      if (left > 0)
        await new Promise<void>((resolve) => {
          env.clock.after(left, resolve)
        })
    },
    widen: () => {
      if (wide) return
      wide = true
      changing = extend()
    },
    stop: () =>
      (stopping ??= atMost(
        env.clock,
        cancelMs,
        Promise.resolve()
          .then(() => changing)
          .then(cancel),
      )),
  }
}
