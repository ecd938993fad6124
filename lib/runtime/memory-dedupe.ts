import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { realClock, type Clock } from '../core/clock.js'
import type { Claim, DedupeStore, DedupeUnavailable, StoredReply } from '../core/dedupe.js'

export interface MemoryDedupeOptions {
  /** How long a message that was handled is remembered, in milliseconds. Default 600,000: ten minutes. */
  readonly ttlMs?: number
  /** Messages that are remembered; the oldest are forgotten first. As many may be claimed at once. Default 100,000. */
  readonly maxEntries?: number
  /** Bytes of replies in all; the oldest are forgotten first. Default 67,108,864: 64 MiB. */
  readonly maxBytes?: number
  /** The largest reply that is kept, in bytes. Default 65,536. */
  readonly maxReplyBytes?: number
  /** Time. Default: the machine's. */
  readonly clock?: Clock
}

interface Done {
  readonly until: number
  readonly reply: StoredReply | undefined
}

const sizeOf = ({ reply }: Done): number => reply?.body.length ?? 0

/** A dedupe store within this process: for one replica, and for tests. Replicas of a service need a common one. */
export const memoryDedupe = (options: MemoryDedupeOptions = {}): DedupeStore => {
  const { ttlMs = 600_000, maxEntries = 100_000, maxBytes = 67_108_864, maxReplyBytes = 65_536 } = options
  const { now } = options.clock ?? realClock
  const claimed = new Map<string, { readonly token: string; readonly until: number }>()
  // n.b. in the order of their ends: all are kept for the same time
  const done = new Map<string, Done>()
  let bytes = 0
  let tokens = 0

  const forget = (key: string, one: Done): void => {
    done.delete(key)
    bytes -= sizeOf(one)
  }
  const forgetOld = (): void => {
    for (const [key, one] of done) {
      if (one.until > now() && done.size <= maxEntries && bytes <= maxBytes) return
      forget(key, one)
    }
  }
  const forgetLapsed = (): void => {
    for (const [key, { until }] of claimed) if (until <= now()) claimed.delete(key)
  }

  const begin = (key: string, leaseMs: number): Either<DedupeUnavailable, Claim> => {
    forgetOld()
    const known = done.get(key)
    if (known !== undefined) return E.right({ _tag: 'Done', reply: known.reply })
    const held = claimed.get(key)
    if (held !== undefined && held.until > now()) return E.right({ _tag: 'Running' })
    if (claimed.size >= maxEntries) forgetLapsed()
    if (claimed.size >= maxEntries && held === undefined)
      return E.left({ _tag: 'DedupeUnavailable', message: `${String(maxEntries)} messages are claimed` })
    const token = String(++tokens)
    claimed.set(key, { token, until: now() + leaseMs })
    return E.right({ _tag: 'Fresh', token })
  }
  const complete = (key: string, token: string, reply: StoredReply | undefined): void => {
    forgetOld()
    if (done.has(key) || (claimed.get(key)?.token ?? token) !== token) return
    claimed.delete(key)
    const one = { until: now() + ttlMs, reply: reply && { ...reply, body: new Uint8Array(reply.body) } }
    done.set(key, one)
    bytes += sizeOf(one)
    forgetOld()
  }
  const abandon = (key: string, token: string): void => {
    if (claimed.get(key)?.token === token) claimed.delete(key)
  }

  return {
    maxReplyBytes,
    begin: (key, leaseMs) => () => Promise.resolve(begin(key, leaseMs)),
    complete: (key, token, reply) =>
      TE.fromIO(() => {
        complete(key, token, reply)
      }),
    abandon: (key, token) =>
      TE.fromIO(() => {
        abandon(key, token)
      }),
    problems: (['ttlMs', 'maxEntries', 'maxBytes', 'maxReplyBytes'] as const).flatMap((option) => {
      const value = options[option]
      const least = option === 'maxReplyBytes' || option === 'maxBytes' ? 0 : 1
      return value === undefined || (Number.isSafeInteger(value) && value >= least)
        ? []
        : [{ option, expected: `a whole number from ${String(least)}` }]
    }),
  }
}
