/** Applies what became of an event: done, again later, given up. */
import type { Reason, Settlement } from '../../core/settlement.js'
import type { Unwritten } from '../../core/unwritten.js'
import type { Environment } from '../transport.js'
import { idOf, type Endpoint, type Held, type Hands } from './handing.js'
import type { Names } from './names.js'
import type { Settings } from './options.js'
import type { Record, Sent } from './outbox.js'
import { letterRecord, retryRecord } from './retry.js'
import { putBack, type Item } from './window.js'

/** A retry that waits in this process holds up its partition: no longer than so many milliseconds. */
const longestDelayMs = 10_000
/** After `Refuse`, in milliseconds. */
const restMs = 100
/** Between attempts at writing to the service's own topics, in milliseconds. */
const firstBackOffMs = 100
const lastBackOffMs = 10_000

export interface Settling {
  readonly settings: Settings
  readonly names: Names
  readonly environment: Environment
  readonly hands: () => Hands
  /** An endpoint is done with it. */
  readonly done: (item: Item) => void
  readonly after: (ms: number, run: () => void) => void
  /** Writes to a topic of the service. */
  readonly write: (topic: string, record: Record, done: Sent) => void
  readonly writes: Unwritten
}

export interface Settlements {
  readonly settle: (held: Held, settlement: Settlement) => void
  /** Sets it aside; `of` is the id of the endpoint that it was for, where that is another. */
  readonly bury: (held: Held, reason: Reason, to?: string, of?: string) => void
}

/** What is written to a topic of the service. */
interface Written {
  readonly name: string
  readonly topic: string
  readonly record: () => Record
  /** What to do in place of this, the first time that the topic does not take it. */
  readonly tooLarge: (backOffMs: number) => void
}

export const settling = (on: Settling): Settlements => {
  const { settings, names, environment, hands, done, after, write, writes } = on
  const { log, group } = environment

  const finished = (held: Held): void => {
    hands().release(held)
    done(held.item)
  }
  /** Comes again in so long; its endpoint gets nothing else of the partition until then. */
  const later = ({ item, endpoint }: Held, ms: number): void => {
    const { lane } = item
    lane.holds += 1
    after(ms, () => {
      lane.holds -= 1
      putBack(item)
      hands().give(endpoint)
    })
  }

  /** Writes until it is written: what is given up, or put off, is acknowledged only then. */
  const persist = (held: Held, what: Written, backOffMs = firstBackOffMs, record = what.record): void => {
    const { lane } = held.item
    const { name, topic, tooLarge } = what
    // n.b. whoever has the partition now handles it again
    if (lane.window.lost) {
      writes.remove(held)
      hands().release(held)
      return
    }
    writes.add(held)
    write(topic, record(), (failing) => {
      if (failing === undefined) {
        writes.remove(held)
        finished(held)
        hands().give(held.endpoint)
      } else if (failing.error._tag === 'MessageTooLarge' && record === what.record) tooLarge(backOffMs)
      else {
        if (backOffMs === firstBackOffMs)
          log(`${settings.name}: cannot write ${name} to ${topic}, trying again: ${failing.error._tag}`)
        lane.holds += 1
        after(backOffMs, () => {
          lane.holds -= 1
          persist(held, what, Math.min(2 * backOffMs, lastBackOffMs))
        })
      }
    })
  }

  const patternOf = ({ subscription }: Endpoint): string => subscription.pattern
  const bury: Settlements['bury'] = (held, reason, to, of = held.endpoint.subscription.endpoint) => {
    const { item, endpoint } = held
    const pattern = patternOf(endpoint)
    const lying = { messageId: idOf(item.entry), pattern, endpoint: of }
    const letter = (body: boolean) => (): Record => letterRecord(item, reason, lying, body, environment)
    const what: Written = {
      name: 'a dead letter',
      topic: to === undefined ? names.letters(pattern, group) : names.events(to),
      record: letter(true),
      tooLarge: (backOffMs) => {
        persist(held, what, backOffMs, letter(false))
      },
    }
    persist(held, what)
  }

  const apply = (held: Held, settlement: Settlement): void => {
    const { item, endpoint } = held
    switch (settlement._tag) {
      case 'Ack':
      case 'Reply':
      case 'Fail':
        finished(held)
        return
      case 'Refuse':
        hands().release(held)
        // n.b. while the service drains it is left for another replica: it is not done, and so never committed
        if (settlement.because === 'overloaded') later(held, restMs)
        return
      case 'Retry': {
        const { attempt, delayMs, reason } = settlement
        item.attempt = attempt
        item.firstFailedAt = reason.firstFailedAt
        const here = (): void => {
          writes.remove(held)
          hands().release(held)
          later(held, Math.min(delayMs, longestDelayMs))
        }
        if (!settings.retryTopics) here()
        else
          persist(held, {
            name: 'a retry',
            topic: names.retry(patternOf(endpoint), group),
            record: () => retryRecord(item, endpoint.subscription.endpoint, delayMs, environment),
            // n.b. with what a retry adds it may no longer fit
            tooLarge: here,
          })
        return
      }
      case 'DeadLetter':
        bury(held, settlement.reason, settlement.to)
    }
  }
  return {
    bury,
    settle: (held, settlement) => {
      if (held.item.lane.window.lost) hands().release(held)
      else apply(held, settlement)
      hands().give(held.endpoint)
    },
  }
}
