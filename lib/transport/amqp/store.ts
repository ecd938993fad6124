/** Copies of an event in a queue beside its own: for another start, or as a dead letter. Then the event is acknowledged. */
import { fullJitter } from '../../core/retry.js'
import type { Connection, Environment } from '../transport.js'
import { copyOf } from './copy.js'
import { ack, type Taken } from './intake.js'
import { reasonOf } from '../broker/failing.js'
import { unwritten } from '../../core/unwritten.js'
import type { End, Outbox } from './outbox.js'
import type { Wire } from './wire.js'

/** A copy to be made. */
export interface Copy {
  readonly taken: Taken
  /** The queue it goes to. */
  readonly queue: string
  /** Declares that queue, where it turns out to be missing. */
  readonly declare: (wire: Wire) => Promise<void>
  /** What is written beside, or over, the headers of the event. */
  readonly fields: Readonly<Record<string, string>>
  /** What the log calls it: `a dead letter`. */
  readonly what: string
}

export interface Store {
  /**
   * Stores the copy and acknowledges the event, however often that has to be tried, as long as the event is this
   * process's to settle: once its channel is lost the broker delivers it again.
   */
  readonly put: (copy: Copy) => void
  /** Copies that are not stored yet. */
  readonly pending: () => number
  readonly stalled: NonNullable<Connection['stalled']>
  /** Resolves when there are none. */
  readonly settled: () => Promise<void>
  /** Forgets what is still to be tried. */
  readonly close: () => void
}

// Between attempts, in milliseconds.
const firstMs = 100
const longestMs = 5_000

export const store = (name: string, { clock, random, log }: Environment, outbox: Outbox): Store => {
  const timers = new Set<() => void>()
  const idle: Array<() => void> = []
  const writes = unwritten(clock)
  let pending = 0
  let closed = false

  const leave = (copy: Copy): void => {
    pending -= 1
    writes.remove(copy)
    if (pending === 0) for (const wake of idle.splice(0)) wake()
  }
  const again = (copy: Copy, tries: number, why: string, bare: boolean): void => {
    if (closed) {
      leave(copy)
      return
    }
    if (tries === 0) log(`${name}: ${copy.what} cannot be written to ${copy.queue} (${why}), it is tried until it can`)
    const forget = clock.after(firstMs / 2 + fullJitter(firstMs, longestMs, tries, random()), () => {
      timers.delete(forget)
      attempt(copy, tries + 1, bare)
    })
    timers.add(forget)
  }
  const ended = (copy: Copy, tries: number, bare: boolean, end: End): void => {
    if (end === 'confirmed') {
      ack(copy.taken)
      leave(copy)
    } else if (closed) leave(copy)
    else if (end === 'returned') {
      const declared = copy.declare(copy.taken.live.wire)
      declared.then(
        () => {
          attempt(copy, tries, bare)
        },
        (error: unknown) => {
          again(copy, tries, reasonOf(error), bare)
        },
      )
    } else if (end === 'unsendable' && !bare) attempt(copy, tries, true)
    else again(copy, tries, typeof end === 'string' ? end : end._tag, bare)
  }
  const attempt = (copy: Copy, tries: number, bare: boolean): void => {
    const { taken, queue } = copy
    if (closed || !taken.live.open) {
      leave(copy)
      return
    }
    const { content, properties: own } = taken.message
    const publication = { exchange: '', routingKey: queue, content, properties: copyOf(own, copy.fields, bare) }
    outbox.send(publication, (end) => {
      ended(copy, tries, bare, end)
    })
  }
  return {
    put: (copy) => {
      pending += 1
      writes.add(copy)
      attempt(copy, 0, false)
    },
    pending: () => pending,
    stalled: writes.stalled,
    settled: () =>
      pending === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idle.push(resolve)
          }),
    close: () => {
      closed = true
      for (const forget of timers) forget()
      timers.clear()
    },
  }
}
