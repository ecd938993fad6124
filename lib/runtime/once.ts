/** Runs a message once: asks the endpoint's dedupe store before its handler, and tells it afterwards. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Clock } from '../core/clock.js'
import type { DedupeStore, DedupeUnavailable, StoredReply } from '../core/dedupe.js'
import type { Runnable } from '../core/dispatch.js'
import { decodeFailure, encodeFailure } from '../core/envelope.js'
import type { Failure } from '../core/error.js'
import type { Outcome } from '../core/outcome.js'
import type { Settlement } from '../core/settlement.js'
import type { Job } from './job.js'

/** What came of asking for a message. */
export type Begun =
  /** It is the job's, which has the claim now. */
  | { readonly _tag: 'Fresh' }
  /** It was handled before. */
  | { readonly _tag: 'Repeated'; readonly settlement: Settlement }
  /** Somebody else is at it. */
  | { readonly _tag: 'Busy'; readonly againMs: number }
  | { readonly _tag: 'Unavailable'; readonly cause: unknown }

/** What an endpoint asks its store. */
export interface Once {
  /** Claims the message of a job, which was found busy so many times before; `next` is called once. */
  readonly begin: (job: Job, looks: number, next: (begun: Begun) => void) => void
  /**
   * Ends the claim of a job, if it has one: the message was handled, and a request answered so; or it was not (`undefined`).
   * `next` is called once, at once where there is no claim; a store that does not answer is logged.
   */
  readonly end: (job: Job, handled: Settlement | undefined, next: () => void) => void
}

/** A store that does not answer for so long is given up, in milliseconds. */
const storeMs = 5_000

/** The first and the longest wait before a message is looked after that somebody else is at, in milliseconds. */
const firstMs = 20
const longestMs = 500

/** How long a claim holds where nothing limits the handler, and at most, in milliseconds. */
const usualLeaseMs = 60_000
const longestLeaseMs = 3_600_000

const encoder = new TextEncoder()

const failed = (failure: Failure): StoredReply => {
  const { code, body } = encodeFailure(failure)
  return { status: 'failure', body: encoder.encode(JSON.stringify([code, body])) }
}

const readFailed = (body: Uint8Array): Failure => {
  try {
    const [code, details] = JSON.parse(new TextDecoder().decode(body)) as [number, string]
    return decodeFailure(code, encoder.encode(details)) ?? { _tag: 'Internal', errorId: '' }
  } catch {
    return { _tag: 'Internal', errorId: '' }
  }
}

const stored = (settlement: Settlement, maxReplyBytes: number): StoredReply | undefined => {
  if (settlement._tag === 'Fail') return failed(settlement.failure)
  if (settlement._tag !== 'Reply') return undefined
  const { status } = settlement
  const body = typeof settlement.body === 'string' ? encoder.encode(settlement.body) : settlement.body
  return body.length > maxReplyBytes ? failed({ _tag: 'MessageTooLarge', limitBytes: maxReplyBytes }) : { status, body }
}

/**
 * What is remembered of a start: the answer of one that ended in a Right or in its declared failure, `Ack` for an event.
 * `undefined` of any other: the message was not handled.
 */
export const handled = (outcome: Outcome, answer: Settlement | undefined): Settlement | undefined =>
  outcome._tag === 'Done' ? (answer ?? { _tag: 'Ack' }) : answer?._tag === 'Reply' ? answer : undefined

const repeated = (reply: StoredReply | undefined): Settlement => {
  if (reply === undefined) return { _tag: 'Ack' }
  const { status, body } = reply
  return status === 'failure' ? { _tag: 'Fail', failure: readFailed(body) } : { _tag: 'Reply', status, body }
}

const silent: DedupeUnavailable = {
  _tag: 'DedupeUnavailable',
  message: `no answer within ${String(storeMs)} ms`,
}

// For the log.
const unavailable = ({ message }: DedupeUnavailable): unknown => ({
  message: `the dedupe store is not available: ${message}`,
})

export const once = (
  store: DedupeStore,
  group: string,
  { resolved: { endpoint, id }, defect }: Runnable,
  clock: Clock,
  graceMs: number,
): Once => {
  const kind = endpoint._tag === 'OnEvent' ? 'event' : 'message'
  const keyOf = ({ context }: Job): string => JSON.stringify([group, kind, id, context.messageId])

  // n.b. anybody's: it may throw, reject, or never answer. `late` gets what came too late.
  const ask = <A>(
    work: () => TaskEither<DedupeUnavailable, A>,
    done: (result: Either<DedupeUnavailable, A>) => void,
    late: (a: A) => void = () => undefined,
  ): void => {
    let over = false
    const end = (result: Either<DedupeUnavailable, A>): void => {
      if (over) {
        if (E.isRight(result)) late(result.right)
        return
      }
      over = true
      forget()
      done(result)
    }
    const giveUp = (): void => {
      end(E.left(silent))
    }
    const forget = clock.after(storeMs, giveUp, true)
    void Promise.resolve()
      .then(() => work()())
      .then(end, () => {
        end(E.left({ _tag: 'DedupeUnavailable', message: 'it failed' }))
      })
  }

  return {
    begin: (job, looks, next) => {
      const key = keyOf(job)
      // n.b. until the handler has reached its limit and had its grace
      const leaseMs = Number.isFinite(job.limitMs) ? Math.ceil(job.limitMs) + graceMs : usualLeaseMs
      ask(
        () => store.begin(key, Math.min(leaseMs, longestLeaseMs)),
        (result) => {
          if (E.isLeft(result)) next({ _tag: 'Unavailable', cause: unavailable(result.left) })
          else if (result.right._tag === 'Done') next({ _tag: 'Repeated', settlement: repeated(result.right.reply) })
          else if (result.right._tag === 'Running')
            next({ _tag: 'Busy', againMs: Math.min(firstMs * 2 ** looks, longestMs, job.limitMs) })
          else {
            job.claim = result.right.token
            next({ _tag: 'Fresh' })
          }
        },
        (claim) => {
          if (claim._tag === 'Fresh')
            ask(
              () => store.abandon(key, claim.token),
              () => undefined,
            )
        },
      )
    },
    end: (job, handled, next) => {
      const token = job.claim
      if (token === undefined) {
        next()
        return
      }
      job.claim = undefined
      const key = keyOf(job)
      ask(
        () =>
          handled === undefined
            ? store.abandon(key, token)
            : store.complete(key, token, stored(handled, store.maxReplyBytes)),
        (result) => {
          if (E.isLeft(result)) defect(unavailable(result.left))
          next()
        },
      )
    },
  }
}
