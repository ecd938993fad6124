/** Acknowledgements of one channel, gathered: one for all that a turn of the event loop has settled. */
import type { Channel, ConsumeMessage } from 'amqplib'
import type { Clock } from '../../core/clock.js'

export interface Settling {
  /** Something was delivered. */
  readonly taken: (message: ConsumeMessage) => void
  /** Acknowledges in the course of this turn. */
  readonly ack: (message: ConsumeMessage) => void
  /** Gives it back to the place it came from. */
  readonly giveBack: (message: ConsumeMessage) => void
  /** Writes what was gathered. */
  readonly flush: () => void
  /** When something was last acknowledged, in the clock's milliseconds. */
  readonly ackedAt: () => number
}

const tagOf = ({ fields }: ConsumeMessage): number => fields.deliveryTag

export const settling = (channel: Channel, clock: Clock): Settling => {
  // By tag, in the order of delivery. n.b. an acknowledgement of "all up to" one must not reach what is still handled
  const unsettled = new Set<number>()
  const done = new Map<number, ConsumeMessage>()
  let at = Number.NEGATIVE_INFINITY

  const write = (work: () => void): void => {
    try {
      work()
    } catch {
      // The channel is gone, and the broker has taken back what it had delivered.
    }
  }
  const flush = (): void => {
    if (done.size === 0) return
    at = clock.now()
    let last: ConsumeMessage | undefined
    for (const tag of unsettled) {
      const message = done.get(tag)
      if (message === undefined) break
      last = message
      done.delete(tag)
      unsettled.delete(tag)
    }
    write(() => {
      if (last !== undefined) channel.ack(last, true)
      for (const [tag, message] of done) {
        unsettled.delete(tag)
        channel.ack(message)
      }
    })
    done.clear()
  }
  return {
    taken: (message) => {
      unsettled.add(tagOf(message))
    },
    ack: (message) => {
      // n.b. not a microtask: handlers of one turn end in many of them
      if (done.size === 0) setImmediate(flush)
      done.set(tagOf(message), message)
    },
    giveBack: (message) => {
      unsettled.delete(tagOf(message))
      write(() => {
        channel.nack(message, false, true)
      })
    },
    flush,
    ackedAt: () => at,
  }
}
