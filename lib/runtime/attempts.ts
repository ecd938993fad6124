/** The starts of one endpoint: the time limit, the outcome, its settlement, retries in place. */
import { abortContext, abortedBecause, nextAttempt } from '../core/context.js'
import type { Runnable } from '../core/dispatch.js'
import type { Failure } from '../core/error.js'
import type { Outcome } from '../core/outcome.js'
import { settleEvent, type Circumstances, type Decision } from '../core/settle.js'
import type { Settlement } from '../core/settlement.js'
import type { Job } from './job.js'
import { handled, once, type Once } from './once.js'
import type { Pause } from './pause.js'
import type { Served, Shared } from './shared.js'

export type Retrying = Extract<Decision, { readonly _tag: 'Retry' }>

/** What becomes of a job after its start. */
export interface Afterwards {
  /** It no longer holds its slot. */
  readonly free: (job: Job) => void
  /** It waits in this process for its next start: its key must keep its lane, or the transport cannot delay. */
  readonly park: (job: Job, retry: Retrying) => void
}

export interface Attempts {
  /** Starts a job that holds a slot; `now` spares a look at the clock. */
  readonly start: (job: Job, now?: number) => void
  readonly expire: (job: Job) => void
  /** Handlers that run beyond their limit. */
  readonly late: () => number
  /** Forgets every timer, and whatever handlers still say. */
  readonly close: () => void
}

/** The time limit of an event handler, in milliseconds, unless the endpoint or the service says otherwise. */
export const defaultTimeout = 30_000
const noBytes = new Uint8Array(0)

/** How long a handler may take to notice its aborted signal before its event is handed on for a retry. */
export const graceMs = 1_000

export const attempts = (
  runnable: Runnable,
  { capabilities, maxMessageBytes }: Served,
  { group, clock, random, limits, report, stopping }: Shared,
  { free, park }: Afterwards,
  pause: Pause,
): Attempts => {
  const { endpoint } = runnable.resolved
  const { policy } = endpoint
  const isEvent = endpoint._tag === 'OnEvent'
  const timeout = policy.timeout ?? (isEvent ? defaultTimeout : Number.POSITIVE_INFINITY)
  const decide = settleEvent(policy)
  const guard = policy.dedupe ? once(policy.dedupe, group, runnable, clock, graceMs) : undefined
  const timers = new Set<Job>()
  let late = 0
  let closed = false

  const after = (job: Job, ms: number, run: () => void): void => {
    timers.add(job)
    job.forget = clock.after(ms, () => {
      timers.delete(job)
      job.forget = undefined
      run()
    })
  }
  const forget = (job: Job): void => {
    job.forget?.()
    job.forget = undefined
    timers.delete(job)
  }

  const end = (job: Job, settlement: Settlement): void => {
    job.state = 'over'
    job.settle(settlement)
    free(job)
  }

  const start = (job: Job, now = clock.now(), looks = 0): void => {
    const { deadline } = job.context
    const remaining = deadline._tag === 'Some' ? deadline.value - now : Number.POSITIVE_INFINITY
    const refusal: Failure | undefined = !isEvent
      ? abortedBecause(job.context) !== undefined
        ? { _tag: 'Cancelled' }
        : remaining <= 0
          ? { _tag: 'TimeoutError', afterMs: looks === 0 ? 0 : Math.round(now - job.arrivedAt), waitingFor: 'handler' }
          : undefined
      : undefined
    if (refusal !== undefined) {
      forgo(job, () => {
        end(job, { _tag: 'Fail', failure: refusal })
      })
      return
    }
    job.limitMs = Math.min(remaining, timeout)
    if (guard !== undefined && job.claim === undefined && job.identified && job.broken === undefined)
      claim(job, guard, looks)
    else run(job, now)
  }

  // n.b. while somebody else is at it this holds a slot, and no time limit but the caller's runs
  const claim = (job: Job, by: Once, looks: number): void => {
    job.payload ??= runnable.decode(job.body)
    if (job.payload._tag === 'Left') {
      run(job, clock.now())
      return
    }
    by.begin(job, looks, (begun) => {
      if (closed) {
        forgo(job, () => undefined)
        return
      }
      switch (begun._tag) {
        case 'Fresh':
          start(job)
          return
        case 'Unavailable':
          conclude(job, runnable.defect(begun.cause))
          return
        case 'Repeated':
          report(job, runnable, { _tag: 'Duplicate' }, begun.settlement._tag)
          end(job, begun.settlement)
          return
        case 'Busy':
          // n.b. an event whose sender was told that it is accepted cannot be given back
          if (stopping() && job.admitted === undefined) end(job, { _tag: 'Refuse', because: 'draining', limit: 0 })
          else after(job, begun.againMs, () => start(job, clock.now(), looks + 1))
      }
    })
  }
  const forgo = (job: Job, next: () => void): void => {
    if (guard === undefined) next()
    else guard.end(job, undefined, next)
  }

  const run = (job: Job, now: number): void => {
    job.state = 'running'
    job.dueAt = now + job.limitMs
    limits.add(job)
    if (job.broken !== undefined) {
      finish(job, runnable.defect(job.broken.cause))
      return
    }
    const payload = job.payload ?? runnable.decode(job.body)
    job.payload = undefined
    if (!isEvent) job.body = noBytes
    runnable.start(payload, job.context, (outcome) => {
      finish(job, outcome)
    })
  }

  const finish = (job: Job, outcome: Outcome): void => {
    if (closed) return
    if (job.state === 'running') {
      limits.remove(job)
      conclude(job, outcome)
      return
    }
    late -= 1
    report(job, runnable, outcome, 'Late')
    const settled = job.state === 'handed'
    forget(job)
    // n.b. what has happened all the same is not to happen again: a retry or another request of this id finds it done
    if (guard !== undefined && job.claim !== undefined)
      guard.end(job, handled(outcome, isEvent ? undefined : runnable.answer(outcome, maxMessageBytes)), () => {
        finished(job, settled)
      })
    else finished(job, settled)
  }
  const finished = (job: Job, settled: boolean): void => {
    if (closed) return
    if (settled) {
      job.state = 'over'
      free(job)
    } else conclude(job, { _tag: 'TimedOut', afterMs: job.limitMs })
  }

  const conclude = (job: Job, outcome: Outcome): void => {
    const answer = isEvent ? undefined : runnable.answer(outcome, maxMessageBytes)
    if (guard !== undefined && job.claim !== undefined)
      guard.end(job, handled(outcome, answer), () => {
        if (!closed) concluded(job, outcome, answer)
      })
    else concluded(job, outcome, answer)
  }
  const concluded = (job: Job, outcome: Outcome, answer: Settlement | undefined): void => {
    if (answer !== undefined) {
      report(job, runnable, outcome, answer._tag)
      end(job, answer)
      return
    }
    if (outcome._tag !== 'TimedOut') pause.ended(job, outcome._tag)
    const decision = notWhileStopping(job, decided(job, outcome))
    if (decision._tag === 'InPlace') {
      report(job, runnable, outcome, 'InPlace')
      job.firstFailedAt = decision.reason.firstFailedAt
      after(job, decision.delayMs, () => {
        const attempt = job.context.attempt + 1
        if (pause.paused()) {
          park(job, { _tag: 'Retry', delayMs: 0, attempt, reason: decision.reason })
          free(job)
          return
        }
        job.context = nextAttempt(job.context, attempt)
        start(job)
      })
      return
    }
    if (decision._tag === 'Retry' && parks(job)) {
      report(job, runnable, outcome, 'Retry')
      park(job, decision)
      free(job)
      return
    }
    end(job, final(job, outcome, decision))
  }

  // What a handler threw because its signal said `stopping` is for another process, not for another start in this one.
  const notWhileStopping = (job: Job, decision: Decision): Decision =>
    decision._tag === 'InPlace' && abortedBecause(job.context) === 'stopping'
      ? { ...decision, _tag: 'Retry', attempt: job.context.attempt + 1 }
      : decision

  // Whether the transport may be asked to deliver it again later; if not, the runtime waits itself.
  const parks = ({ key, messageKey }: Job): boolean =>
    key === undefined ? !capabilities.delayedRetry : !(capabilities.keyedRetry && key === messageKey)

  // Where there is no place for dead letters, one is dropped, out loud.
  const final = (job: Job, outcome: Outcome, settlement: Settlement): Settlement => {
    const dropped = settlement._tag === 'DeadLetter' && (!capabilities.deadLetter || policy.deadLetter === false)
    report(job, runnable, outcome, dropped ? 'Dropped' : settlement._tag)
    if (dropped) return { _tag: 'Ack' }
    return settlement._tag === 'DeadLetter' && typeof policy.deadLetter === 'string'
      ? { ...settlement, to: policy.deadLetter }
      : settlement
  }

  const decided = (job: Job, outcome: Outcome): Decision => {
    const { attempt } = job.context
    const { firstFailedAt } = job
    const inPlace = !pause.paused()
    const circumstances: Circumstances = { attempt, unix: clock.unix(), firstFailedAt, chance: random(), inPlace }
    try {
      return decide(outcome, circumstances)
    } catch (cause) {
      // A policy that throws cannot say that another attempt helps.
      return settleEvent({ retry: () => ({ _tag: 'None' }) })(runnable.defect(cause), circumstances)
    }
  }

  const expire = (job: Job): void => {
    late += 1
    const { deadline } = job.context
    const passed = deadline._tag === 'Some' && deadline.value <= clock.now()
    job.state = isEvent ? 'late' : 'handed'
    abortContext(job.context, passed ? 'deadline' : 'timeout')
    const outcome: Outcome = { _tag: 'TimedOut', afterMs: Math.round(job.limitMs) }
    if (isEvent) {
      pause.ended(job, 'TimedOut')
      after(job, graceMs, () => {
        handOn(job, outcome)
      })
      return
    }
    const settlement = runnable.answer(outcome, maxMessageBytes)
    report(job, runnable, outcome, settlement._tag)
    job.settle(settlement)
  }

  // The handler ignores its signal. Its event goes on without it, unless a key has to wait for its real end; the slot
  // stays taken until then in any case.
  const handOn = (job: Job, outcome: Outcome): void => {
    if (job.key !== undefined) return
    const decision = decided(job, outcome)
    if (decision._tag === 'InPlace') return
    job.state = 'handed'
    if (decision._tag === 'Retry' && parks(job)) {
      report(job, runnable, outcome, 'Retry')
      park({ ...job, slot: -1, claim: undefined }, decision)
    } else job.settle(final(job, outcome, decision))
  }

  return {
    start,
    expire,
    late: () => late,
    close: () => {
      closed = true
      for (const job of timers) job.forget?.()
      timers.clear()
    },
  }
}
