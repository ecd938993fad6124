/** A connection that waits for what comes to a stream, takes as much as there is room for, and hands it on. */
import type { ConnectError } from '../../core/error.js'
import { fullJitter } from '../../core/retry.js'
import { isAnswer, isGone, reasonOf } from './errors.js'
import { blockMs } from './limits.js'
import type { Link } from './link.js'
import type { Shared } from './shared.js'
import type { Wire } from './wire.js'

export interface Reading {
  /** For the log. */
  readonly what: string
  /** How many more there is room for. */
  readonly places: () => number
  /** For each connection before anything is read, as often as there is room, until it says that it is done. */
  readonly prepare: (wire: Wire) => Promise<boolean>
  /** Waits for at most so many, for at most `blockMs`, and hands them on. */
  readonly read: (wire: Wire, count: number) => Promise<unknown>
  /** The stream or the group is gone: makes it again. */
  readonly mend: () => Promise<unknown>
}

export interface Reader {
  readonly link: Link
  /** There may be room again. */
  readonly wake: () => void
  /** Ends reading; what was read has been handed on when it resolves. Idempotent. */
  readonly stop: () => Promise<void>
}

/** Waits between attempts that Redis refused, in milliseconds. */
const firstMs = 100
const longestMs = 10_000
/** How often a read that waits is asked to end. */
const nudgeMs = 25

export const reader = (
  { links, commands, settings, env }: Shared,
  { what, places, prepare, read, mend }: Reading,
): Reader => {
  const { clock, random, log } = env
  const link = links.open('reading', `the connection that reads ${what}`)
  const part = links.part()
  const patienceMs = blockMs + settings.limits.heartbeatMs
  let stopping: Promise<void> | undefined
  let stopped = false
  let waiting: (() => void) | undefined
  let blocked: number | undefined
  let running: Promise<void> = Promise.resolve()

  const wake = (): void => {
    const go = waiting
    waiting = undefined
    go?.()
  }
  const until = (ms?: number): Promise<void> =>
    new Promise((resolve) => {
      const forget = ms === undefined ? undefined : clock.after(ms, wake)
      // n.b. not at once: what else ends in this tick makes room for the same read
      waiting = () => {
        forget?.()
        process.nextTick(resolve)
      }
    })

  const run = async (wire: Wire): Promise<void> => {
    // n.b. each node of a cluster has numbers of its own
    const id =
      settings.cluster === undefined
        ? await wire.watched(patienceMs, wire.redis.client('ID')).catch(() => undefined)
        : undefined
    let prepared = false
    let failures = 0
    while (!stopped && link.current() === wire) {
      const count = places()
      if (count <= 0) {
        await until()
        continue
      }
      try {
        if (!prepared) {
          prepared = await wire.watched(patienceMs, prepare(wire))
          continue
        }
        blocked = id
        await wire.watched(patienceMs, read(wire, count))
        failures = 0
        part.works(true)
      } catch (error) {
        if (stopped) break
        if (isAnswer(error)) {
          if (failures === 0) log(`${settings.name}: reading ${what} failed: ${reasonOf(error)}`)
          if (isGone(error)) await mend().catch(() => undefined)
          // n.b. not the first time: what is gone has just been made again
          if (failures > 0) part.works(false)
        }
        await until(firstMs / 2 + fullJitter(firstMs, longestMs, failures++, random()))
      } finally {
        blocked = undefined
      }
    }
  }
  const begin = (): void => {
    if (!stopped)
      link.whenOpen(
        (wire) => {
          running = run(wire).then(begin)
        },
        (_: ConnectError) => undefined,
      )
  }
  begin()

  // n.b. a read that is cut off may have been answered: its events would lie with us for the length of a lease, and its
  // requests would be lost. It is asked to end instead; where that is not allowed it ends by itself.
  const stop = async (): Promise<void> => {
    stopped = true
    wake()
    let over = false
    const ended = running.then(() => {
      over = true
    })
    for (let waited = 0; !over && link.current() !== undefined && waited < blockMs + 1_000; waited += nudgeMs) {
      if (blocked !== undefined)
        commands
          .current()
          ?.redis.client('UNBLOCK', blocked)
          .catch(() => undefined)
      await new Promise<void>((resolve) => {
        const forget = clock.after(nudgeMs, resolve)
        void ended.then(() => {
          forget()
          resolve()
        })
      })
    }
    part.end()
    await link.close()
    await ended
  }
  return { link, wake, stop: () => (stopping ??= stop()) }
}
