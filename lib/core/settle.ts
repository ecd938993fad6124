/** What every outcome of an event means: the one place that decides it, whatever the transport. */
import * as O from 'fp-ts/lib/Option.js'
import type { Policy } from './endpoint.js'
import type { Outcome } from './outcome.js'
import { defaultRetry, delayAfter, equalJitter, fullJitter, inPlaceAttempts } from './retry.js'
import type { Reason, Settlement } from './settlement.js'

/** When and how often: what a decision depends on beside the outcome. */
export interface Circumstances {
  /** Starts so far, this one included. */
  readonly attempt: number
  /** Unix milliseconds now, and of the first failure of this message. */
  readonly unix: number
  readonly firstFailedAt: number | undefined
  /** A number in [0, 1) for the jitter. */
  readonly chance: number
  /** Whether it may be started again at once. */
  readonly inPlace: boolean
}

/** A settlement, or another start at once in the same slot. */
export type Decision = Settlement | { readonly _tag: 'InPlace'; readonly delayMs: number; readonly reason: Reason }

type Failure = Exclude<Outcome, { readonly _tag: 'Done' }>

const say = (failure: Failure): string => {
  switch (failure._tag) {
    case 'Invalid':
      return failure.issues.map(({ path, expected }) => `${path === '' ? 'payload' : path}: ${expected}`).join('; ')
    case 'Failed':
      return 'the handler failed'
    case 'Defect':
      return 'the handler threw'
    case 'TimedOut':
      return `the handler did not finish within ${String(failure.afterMs)} ms`
  }
}

const tagOf = (failure: Failure): Reason['_tag'] => {
  switch (failure._tag) {
    case 'Invalid':
      return 'InvalidPayload'
    case 'Failed':
      return 'HandlerFailed'
    case 'Defect':
      return 'Defect'
    case 'TimedOut':
      return 'Timeout'
  }
}

const reasonOf = (failure: Failure, { attempt, unix, firstFailedAt }: Circumstances): Reason => ({
  _tag: tagOf(failure),
  message: say(failure),
  errorId: failure._tag === 'Defect' ? failure.errorId : undefined,
  attempts: failure._tag === 'Invalid' ? attempt - 1 : attempt,
  firstFailedAt: firstFailedAt ?? unix,
  lastFailedAt: unix,
})

const later = (policy: Policy<never, never>, reason: Reason, { attempt, chance }: Circumstances): Decision =>
  O.match<number, Decision>(
    () => ({ _tag: 'DeadLetter', reason: attempt === 1 ? reason : { ...reason, _tag: 'AttemptsExhausted' } }),
    (delayMs) => ({ _tag: 'Retry', delayMs: equalJitter(delayMs, chance), attempt: attempt + 1, reason }),
  )(delayAfter(policy.retry ?? defaultRetry, attempt))

/**
 * The settlement of an event's outcome: done; set aside when nothing can help; again later when the policy has a delay
 * left (drawn between half of it and all of it); again in place after the first two starts that ended in a defect, where
 * that is allowed.
 */
export const settleEvent =
  (policy: Policy<never, never>) =>
  (outcome: Outcome, circumstances: Circumstances): Decision => {
    if (outcome._tag === 'Done') return { _tag: 'Ack' }
    const reason = reasonOf(outcome, circumstances)
    switch (outcome._tag) {
      case 'Invalid':
        return { _tag: 'DeadLetter', reason }
      case 'Failed':
        return (policy.classify?.(outcome.error as never) ?? 'permanent') === 'permanent'
          ? { _tag: 'DeadLetter', reason }
          : later(policy, reason, circumstances)
      case 'Defect': {
        const decision = later(policy, reason, circumstances)
        return decision._tag === 'Retry' && circumstances.inPlace && circumstances.attempt <= inPlaceAttempts
          ? {
              _tag: 'InPlace',
              delayMs: fullJitter(100, 2_000, circumstances.attempt - 1, circumstances.chance),
              reason,
            }
          : decision
      }
      case 'TimedOut':
        return later(policy, reason, circumstances)
    }
  }
