/** How entries of an event stream end: acknowledged, set aside, or written down to be delivered again. */
import type { Reason } from '../../core/settlement.js'
import { field, type Writing } from '../broker/attributes.js'
import { isLetterField, writeLetter } from '../broker/letter.js'
import { nameOf } from '../broker/names.js'
import { partsWith } from './entry.js'
import type { EventKeys, GroupKeys } from './keys.js'
import type { Record } from './record.js'
import type { Part, Script } from './script.js'
import * as scripts from './scripts.js'
import type { Shared } from './shared.js'
import type { Wire } from './wire.js'

const retryFields: ReadonlyArray<string> = [field.endpoint, field.attempt, field.firstFailedAt, field.origin]
const ofRetry = (name: string): boolean => retryFields.includes(name)

/** The next start of an endpoint. */
export interface Next {
  readonly attempt: number
  readonly firstFailedAt: number | undefined
}

/** `applied` is told when it is written; false when the connection was closed before. */
type Applied = (written: boolean) => void

export interface Endings {
  /** Hands in what was to be acknowledged with others; ahead of what is about to be written to `reading`, where it is given. */
  readonly flush: (reading?: Wire) => void
  readonly acknowledge: (record: Record, applied: Applied) => void
  readonly bury: (record: Record, endpoint: string, reason: Reason, to: string | undefined, applied: Applied) => void
  readonly delay: (record: Record, endpoint: string, next: Next, delayMs: number, applied: Applied) => void
  /** At once, for whichever replica reads first. */
  readonly giveBack: (record: Record, endpoint: string, next: Next, applied: Applied) => void
}

/** `over` is called when nothing of a record is left to be done. */
export const endings = (
  { lasting, settings, env }: Shared,
  pattern: string,
  { stream }: EventKeys,
  { group, delayed, retry, dead }: GroupKeys,
  over: (record: Record) => void,
): Endings => {
  // One command for all that end in one turn of the event loop: acknowledging each by itself took a third of the time
  // of a service.
  let ended: Array<readonly [Record, Applied]> = []
  const flush = (reading?: Wire): void => {
    const all = ended
    if (all.length === 0) return
    ended = []
    lasting.write(
      `acknowledging entries of ${stream}`,
      // n.b. where the connection that reads is lost meanwhile, the other one is tried next
      (commands, again) =>
        (again ? commands : (reading ?? commands)).redis.xack(stream, group, ...all.map(([{ entry }]) => entry.id)),
      (written) => {
        for (const [record, applied] of all) {
          if (written) over(record)
          applied(written)
        }
      },
    )
  }
  const finish = (record: Record, applied: Applied): void => {
    if (record.source === 'main') {
      if (ended.push([record, applied]) === 1)
        setImmediate(() => {
          flush()
        })
      return
    }
    lasting.write(
      `acknowledging an entry of ${record.stream}`,
      ({ run }) => run(scripts.acknowledge, [record.stream], [group, record.entry.id]),
      (written) => {
        if (written) over(record)
        applied(written)
      },
    )
  }

  // Moves the entry somewhere for one endpoint, and acknowledges it where that was the last.
  const moved = (
    record: Record,
    what: string,
    script: Script,
    target: string,
    args: ReadonlyArray<Part>,
    applied: Applied,
  ): void => {
    let last = false
    const { entry, source } = record
    lasting.write(
      what,
      ({ run }: Wire, again) => {
        last = record.open === 1
        const flags = [last, source === 'retry', again].map((flag) => (flag ? '1' : '0'))
        return run(script, [record.stream, target], [group, entry.id, ...flags, ...args])
      },
      (written) => {
        if (!written) {
          applied(false)
          return
        }
        record.open -= 1
        if (last) over(record)
        else if (record.open === 0) {
          finish(record, applied)
          return
        }
        applied(true)
      },
    )
  }

  const again = (record: Record, endpoint: string, { attempt, firstFailedAt }: Next): ReadonlyArray<Part> => {
    const added: Writing = {
      [field.endpoint]: endpoint,
      [field.attempt]: String(attempt),
      [field.origin]: record.origin,
    }
    if (firstFailedAt !== undefined) added[field.firstFailedAt] = String(Math.round(firstFailedAt))
    return partsWith(record.entry, ofRetry, added)
  }

  const bury: Endings['bury'] = (record, endpoint, reason, to, applied) => {
    const added: Writing = {}
    const { messageId } = record.message
    writeLetter(added, reason, { source: record.origin, messageId, pattern, endpoint }, env)
    // n.b. whoever publishes may write anything
    const parts = partsWith(record.entry, (name) => ofRetry(name) || isLetterField(name), added)
    if (to === undefined) {
      moved(record, `writing a dead letter to ${dead}`, scripts.append, dead, parts, applied)
      return
    }
    // n.b. another destination may lie on another node of a cluster: two steps, and twice rather than never
    const key = settings.prefix + nameOf(to)
    lasting.write(
      `writing a dead letter to ${key}`,
      ({ redis }) => redis.xadd(key, '*', ...parts),
      (written) => {
        if (!written) applied(false)
        else {
          record.open -= 1
          if (record.open === 0) finish(record, applied)
          else applied(true)
        }
      },
    )
  }

  return {
    flush,
    acknowledge: (record, applied) => {
      record.open -= 1
      if (record.open === 0) finish(record, applied)
      else applied(true)
    },
    bury,
    delay: (record, endpoint, next, delayMs, applied) => {
      const parts = [String(Math.max(0, Math.round(delayMs))), ...again(record, endpoint, next)]
      moved(record, `writing a retry of ${stream}`, scripts.delay, delayed, parts, applied)
    },
    giveBack: (record, endpoint, next, applied) => {
      moved(record, `giving back an entry of ${stream}`, scripts.append, retry, again(record, endpoint, next), applied)
    },
  }
}
