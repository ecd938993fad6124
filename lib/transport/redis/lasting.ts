/** Writes that must not be lost: tried again until they succeed, or the connection is closed. */
import { fullJitter } from '../../core/retry.js'
import type { Connection, Environment } from '../transport.js'
import { unwritten } from '../../core/unwritten.js'
import { isAnswer, reasonOf } from './errors.js'
import type { Link } from './link.js'
import type { Wire } from './wire.js'

export interface Lasting {
  /**
   * Runs `write` until it succeeds. `again` tells it that an earlier run may have been executed. `done` is told whether it
   * succeeded in the end. `unless` gives up.
   */
  readonly write: (
    what: string,
    write: (wire: Wire, again: boolean) => Promise<unknown>,
    done: (written: boolean) => void,
    unless?: () => boolean,
  ) => void
  readonly stalled: NonNullable<Connection['stalled']>
  /** Waits for what is under way, for at most so long; gives up the rest, and whatever comes later. */
  readonly close: (ms: number) => Promise<void>
}

/** Waits between attempts that Redis refused, in milliseconds. */
const firstMs = 100
const longestMs = 30_000

export const lasting = (commands: Link, name: string, { clock, random, log }: Environment): Lasting => {
  const waiting = new Set<() => void>()
  const complaints = new Set<string>()
  const writes = unwritten(clock)
  let underWay = 0
  let closed = false
  let idle = (): void => undefined

  const write: Lasting['write'] = (what, run, done, unless = () => false) => {
    let again = false
    let refusals = 0
    underWay += 1
    writes.add(run)
    const end = (written: boolean): void => {
      underWay -= 1
      writes.remove(run)
      done(written)
      if (underWay === 0) idle()
    }
    const giveUp = (): void => {
      waiting.delete(giveUp)
      leave()
      end(false)
    }
    let leave = (): void => undefined
    const attempt = (): void => {
      if (closed || unless()) {
        end(false)
        return
      }
      waiting.add(giveUp)
      leave = commands.whenOpen((wire) => {
        waiting.delete(giveUp)
        run(wire, again).then(
          () => {
            complaints.delete(what)
            end(true)
          },
          (error: unknown) => {
            again ||= !isAnswer(error)
            if (isAnswer(error)) {
              if (!complaints.has(what)) log(`${name}: ${what} failed, and is tried again: ${reasonOf(error)}`)
              complaints.add(what)
            }
            later(isAnswer(error) ? fullJitter(firstMs, longestMs, refusals++, random()) : 0)
          },
        )
      }, giveUp)
    }
    const later = (ms: number): void => {
      if (closed) {
        end(false)
        return
      }
      waiting.add(giveUp)
      leave = clock.after(ms + firstMs / 2, () => {
        waiting.delete(giveUp)
        attempt()
      })
    }
    attempt()
  }

  return {
    write,
    stalled: writes.stalled,
    close: async (ms) => {
      // n.b. what Redis refuses now it will refuse in a moment too
      if (underWay > 0 && commands.current() !== undefined)
        await new Promise<void>((resolve) => {
          const forget = clock.after(ms, resolve)
          idle = () => {
            forget()
            resolve()
          }
        })
      closed = true
      for (const giveUp of [...waiting]) giveUp()
    },
  }
}
