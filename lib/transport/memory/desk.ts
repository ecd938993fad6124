import * as O from 'fp-ts/lib/Option.js'
import { freshId } from '../../core/clock.js'
import { abortContext, type AbortReason } from '../../core/context.js'
import type { Failure } from '../../core/error.js'
import type { Settlement } from '../../core/settlement.js'
import type { Answer, Failing } from '../transport.js'
import { line } from '../../core/line.js'
import { bytesOf, type Message } from './message.js'
import { crew, type Held, type Member, type Worker } from './worker.js'

/** A request on its way. */
export interface Ask {
  readonly message: Message
  readonly sender: Member
  /** On the sender's monotonic clock. */
  readonly deadline: number
  /** Called once. */
  readonly answer: (answer: Answer) => void
}

/** The requests of one pattern: whoever handles it, of whatever group, takes them in turn. */
export interface Desk {
  /**
   * Takes a request, or refuses it at once. The result withdraws it, so that nothing is answered any more, and tells
   * whether a handler may have begun.
   */
  readonly ask: (ask: Ask) => (reason: AbortReason) => 'no' | 'maybe'
  readonly join: (worker: Worker) => void
  readonly leave: (worker: Worker) => void
  /** The member is gone: who asked it hears so. */
  readonly depart: (member: Member) => void
}

interface Pending {
  readonly ask: Ask
  readonly refusedBy: Set<Worker>
  refusal: Failing | undefined
  held: Held | undefined
  worker: Worker | undefined
  leave: (() => void) | undefined
}

// When an overloaded service is worth another attempt, in milliseconds.
const retryAfterMs = 100

const failing = (
  error: Failing['error'],
  processed: Failing['processed'],
  retryAfterMs: number | undefined,
): Failing => ({ _tag: 'Failing', error, processed, retryAfterMs })

/** Nobody handles the pattern. */
export const noHandler = (pattern: string): Failing => failing({ _tag: 'NoHandler', pattern }, 'no', undefined)
/** A bound was reached, and nothing was begun. */
export const overloaded = (limit: number, afterMs = retryAfterMs): Failing =>
  failing({ _tag: 'Overloaded', limit }, 'no', afterMs)
/** The caller's own connection was closed. */
export const closed = (processed: 'no' | 'maybe'): Failing => failing({ _tag: 'Closed' }, processed, undefined)
/** A body beyond the bound. */
export const tooLarge = (limitBytes: number, processed: 'no' | 'yes' = 'no'): Failing =>
  failing({ _tag: 'MessageTooLarge', limitBytes }, processed, undefined)

// Failures that a service gives before it runs a handler; after any other a handler may have run.
const beforehand = (failure: Failure): boolean =>
  failure._tag === 'InvalidPayload' || failure._tag === 'NoHandler' || failure._tag === 'Unauthorized'

/** Nobody there, nothing asked. At most `maxQueued` requests wait for a slot; a reply has at most `maxBytes`. */
export const desk = (pattern: string, maxQueued: number, maxBytes: number): Desk => {
  const waiting = line<Pending>()
  const workers = crew()
  const running = new Set<Pending>()
  let scheduled = false

  // n.b. never in the caller's stack, as with events
  const wake = (): void => {
    if (scheduled) return
    scheduled = true
    queueMicrotask(() => {
      scheduled = false
      pump()
    })
  }
  const hopeful = ({ refusedBy }: Pending): boolean =>
    workers.all().some((worker) => worker.open() && !refusedBy.has(worker))

  const answered = (pending: Pending, settlement: Exclude<Settlement, { readonly _tag: 'Refuse' }>): Answer => {
    switch (settlement._tag) {
      case 'Reply': {
        const body = bytesOf(settlement.body)
        return body.length > maxBytes ? tooLarge(maxBytes, 'yes') : { _tag: 'Reply', status: settlement.status, body }
      }
      case 'Fail':
        return failing(settlement.failure, beforehand(settlement.failure) ? 'no' : 'yes', undefined)
      case 'Ack':
      case 'Retry':
      case 'DeadLetter': {
        // Settlements of events; a request is never redelivered, so the caller must hear something.
        const { log, random } = pending.ask.sender.environment
        const errorId = freshId(random)
        log(`memory: a request was settled with ${settlement._tag}, error ${errorId}`)
        return failing({ _tag: 'Internal', errorId }, 'yes', undefined)
      }
    }
  }
  const settle = (pending: Pending, held: Held, worker: Worker, settlement: Settlement): void => {
    held.release()
    wake()
    if (!running.delete(pending)) return
    if (settlement._tag !== 'Refuse') {
      pending.ask.answer(answered(pending, settlement))
      return
    }
    const drains = settlement.because === 'draining'
    if (drains) worker.rest(undefined, wake)
    pending.refusedBy.add(worker)
    pending.refusal = overloaded(settlement.limit, drains ? 0 : retryAfterMs)
    pending.held = undefined
    if (hopeful(pending)) pending.leave = waiting.unshift(pending)
    else pending.ask.answer(pending.refusal)
  }
  const begin = (pending: Pending, worker: Worker): void => {
    const { message, sender, deadline } = pending.ask
    const leftMs = deadline - sender.environment.clock.now()
    const held = worker.take({
      message,
      attempt: 1,
      firstFailedAt: undefined,
      deadline: O.some(worker.member.environment.clock.now() + leftMs),
    })
    pending.held = held
    pending.worker = worker
    running.add(pending)
    held.begin((settlement) => {
      settle(pending, held, worker, settlement)
    })
  }
  const pump = (): void => {
    waiting.each((pending, leave) => {
      const worker = workers.next((one) => !pending.refusedBy.has(one))
      // What was refused somewhere waits for certain workers, and holds up nobody else.
      if (worker === undefined) return pending.refusedBy.size > 0
      leave()
      // n.b. or a request that runs for long keeps alive all that came after it in the line
      pending.leave = undefined
      begin(pending, worker)
      return true
    })
  }
  const sweep = (): void => {
    waiting.each((pending, leave) => {
      if (hopeful(pending)) return true
      leave()
      pending.ask.answer(pending.refusal ?? noHandler(pattern))
      return true
    })
  }
  return {
    ask: (ask) => {
      const pending: Pending = {
        ask,
        refusedBy: new Set(),
        refusal: undefined,
        held: undefined,
        worker: undefined,
        leave: undefined,
      }
      if (!hopeful(pending)) ask.answer(noHandler(pattern))
      else if (waiting.size() >= maxQueued) ask.answer(overloaded(maxQueued))
      else {
        pending.leave = waiting.push(pending)
        wake()
      }
      return (reason) => {
        pending.leave?.()
        if (!running.delete(pending) || pending.held === undefined) return 'no'
        abortContext(pending.held.context, reason)
        return 'maybe'
      }
    },
    join: (worker) => {
      workers.join(worker)
      wake()
    },
    leave: (worker) => {
      workers.leave(worker)
      sweep()
    },
    depart: (member) => {
      for (const pending of running) {
        if (pending.worker?.member !== member || pending.held === undefined) continue
        running.delete(pending)
        pending.held.forget()
        abortContext(pending.held.context, 'disconnected')
        pending.ask.answer(failing({ _tag: 'Disconnected', maybeProcessed: true }, 'maybe', 0))
      }
    },
  }
}
