/** What has to be done now and then for an event stream: retries that are due, leases, what others left behind, trimming. */
import { isAnswer, isGone, reasonOf } from './errors.js'
import { takenOf, type Taken } from './entry.js'
import type { EventKeys, GroupKeys } from './keys.js'
import { pollMs } from './limits.js'
import { streamOfSource, type holding, type Source } from './record.js'
import * as scripts from './scripts.js'
import type { Shared } from './shared.js'
import type { Wire } from './wire.js'

/** Consumers that have shown no life for so long, and hold nothing, are forgotten, in milliseconds. */
const goneMs = 60 * 60 * 1_000
/** When nobody has looked after a stream for so long, it is not known who was absent meanwhile, in milliseconds. */
const unwatchedMs = 60 * 60 * 1_000
/** Trimmed early once so many were acknowledged, so that a stream does not fill up between two rounds. */
const mostEnded = 10_000
/** Leases are renewed for so many entries at once. */
const batch = 500

interface Cared {
  readonly held: ReturnType<typeof holding>
  readonly places: () => number
  readonly taken: (source: Source, taken: Taken) => void
  /** So many were removed before this group had read them. */
  readonly missed: (count: number) => void
}

export interface Upkeep {
  /** Takes over what other replicas have left behind. */
  readonly claim: (run: Wire['run']) => Promise<void>
  /** A retry will be due in so many milliseconds. */
  readonly due: (ms: number) => void
  /** An entry was acknowledged. */
  readonly ended: () => void
  /** Takes nothing over any more; leases are still renewed. */
  readonly stop: () => void
  readonly close: () => void
}

const sources = ['retry', 'main'] as const

export const upkeep = (
  { settings, env, consumer, commands }: Shared,
  { stream, seen }: EventKeys,
  own: GroupKeys,
  { held, places, taken, missed }: Cared,
): Upkeep => {
  const { clock, random, log } = env
  const { name, limits, maxLength } = settings
  const { group } = own
  const reported = new Set<string>()
  const forgets = new Map<string, () => void>()
  let stopped = false
  let closed = false
  let ended = 0
  let pollAt = Number.POSITIVE_INFINITY

  const schedule = (what: string, ms: number, run: () => void): void => {
    forgets.get(what)?.()
    if (closed) return
    forgets.set(
      what,
      clock.after(
        ms,
        () => {
          forgets.delete(what)
          run()
        },
        true,
      ),
    )
  }
  // Nothing here is lost by waiting for the next round.
  const attempt = async (what: string, work: (wire: Wire) => Promise<unknown>): Promise<void> => {
    const wire = commands.current()
    if (wire === undefined) return
    try {
      await work(wire)
      reported.delete(what)
    } catch (error) {
      if (!isAnswer(error) || isGone(error) || reported.has(what)) return
      reported.add(what)
      log(`${name}: ${what} of ${stream} failed: ${reasonOf(error)}`)
    }
  }

  const claim: Upkeep['claim'] = async (run) => {
    for (const source of sources) {
      const count = places()
      if (count <= 0 || stopped) return
      const key = streamOfSource(source, stream, own)
      taken(source, takenOf(await run(scripts.claim, [key], [group, consumer, limits.leaseMs, count])))
    }
  }

  const poll = (): void => {
    let next = pollMs
    pollAt = Number.POSITIVE_INFINITY
    void attempt('moving what is due', async ({ run }) => {
      const left = Number(await run(scripts.move, [own.delayed, own.retry], []))
      if (left >= 0) next = Math.min(next, left)
    }).then(() => {
      due(next)
    })
  }
  const due = (ms: number): void => {
    const at = clock.now() + ms
    if (stopped || at >= pollAt) return
    pollAt = at
    schedule('poll', ms, poll)
  }

  const trim = ({ run }: Wire): Promise<unknown> => {
    ended = 0
    return run(scripts.trim, [stream, seen], [limits.absentGroupMs, unwatchedMs, group]).then((answer) => {
      const [, absent, unread] = answer as readonly [number, ReadonlyArray<Buffer>, number]
      if (unread > 0) missed(unread)
      for (const one of absent.map(String)) {
        if (reported.has(`absent ${one}`)) continue
        reported.add(`absent ${one}`)
        log(`${name}: the group ${one} has had no consumer for long, and no longer keeps ${stream} from being trimmed`)
      }
    })
  }
  const round = (): void => {
    void attempt('taking over', ({ run }) => claim(run))
      .then(() =>
        attempt('forgetting consumers', async ({ run }) => {
          for (const source of sources) await run(scripts.sweep, [streamOfSource(source, stream, own)], [group, goneMs])
        }),
      )
      .then(() => attempt('trimming', trim))
      .then(() => {
        if (!stopped) schedule('round', limits.reclaimMs * (0.75 + random() / 2), round)
      })
  }
  const renew = (): void => {
    void attempt('renewing leases', async ({ run }) => {
      for (const source of sources) {
        const ids = held.ids(source)
        for (let from = 0; from < ids.length; from += batch)
          await run(
            scripts.renew,
            [streamOfSource(source, stream, own)],
            [group, consumer, ...ids.slice(from, from + batch)],
          )
      }
    }).then(() => {
      schedule('renew', limits.leaseMs / 3, renew)
    })
  }

  due(0)
  schedule('round', limits.reclaimMs * random(), round)
  schedule('renew', limits.leaseMs / 3, renew)
  return {
    claim,
    due,
    ended: () => {
      ended += 1
      if (ended >= Math.max(1, Math.min(mostEnded, maxLength / 10))) {
        ended = 0
        schedule('trim', 0, () => void attempt('trimming', trim))
      }
    },
    stop: () => {
      stopped = true
      for (const what of ['poll', 'round', 'trim']) {
        forgets.get(what)?.()
        forgets.delete(what)
      }
    },
    close: () => {
      closed = true
      for (const forget of forgets.values()) forget()
      forgets.clear()
    },
  }
}
