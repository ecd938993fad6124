import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import { makeContext, type Context } from '../../core/context.js'
import type { Deliver } from '../../core/delivery.js'
import type { Settlement } from '../../core/settlement.js'
import type { Unwritten } from '../../core/unwritten.js'
import type { Environment, Subscription } from '../transport.js'
import type { MemoryContext } from './context.js'
import type { Message } from './message.js'

/** One connection, as the bus sees it. Compared by identity: two connections may share an environment. */
export interface Member<N extends string = string> {
  readonly name: N
  readonly environment: Environment
  /** Dead letters that there is no room for. */
  readonly writes: Unwritten
}

/** What a worker gets to do. */
export interface Job {
  readonly message: Message
  readonly attempt: number
  readonly firstFailedAt: number | undefined
  readonly deadline: Option<number>
}

/** A job that holds a slot of its worker. */
export interface Held {
  readonly context: Context
  /** Hands it to the runtime. `settle` is called at most once, perhaps before this returns. */
  readonly begin: (settle: (settlement: Settlement) => void) => void
  /** Gives the slot back; once, whatever comes later. */
  readonly release: () => void
  /** Gives the slot back, and whatever the runtime still says about the job is ignored. */
  readonly forget: () => void
}

/** One subscription of one connection: so many deliveries it may hold, and the way to its runtime. */
export interface Worker {
  readonly member: Member
  readonly subscription: Subscription
  /** Takes jobs at all. */
  readonly open: () => boolean
  /** Takes one more job now. */
  readonly free: () => boolean
  readonly take: (job: Job) => Held
  /** Takes nothing for `ms`, then tells; without `ms` nothing ever again. */
  readonly rest: (ms: number | undefined, rested: () => void) => void
  /** Stops the intake; jobs it holds go on. */
  readonly close: () => void
}

/** A worker with all its slots free. `index` is that of the subscription in the array given to `subscribe`. */
export const worker = <N extends string>(
  member: Member<N>,
  subscription: Subscription,
  index: number,
  deliver: Deliver<MemoryContext<N>>,
): Worker => {
  const { clock } = member.environment
  let running = 0
  let open = true
  let wake: (() => void) | undefined
  return {
    member,
    subscription,
    open: () => open,
    free: () => open && wake === undefined && running < subscription.window,
    take: ({ message, attempt, firstFailedAt, deadline }) => {
      let holds = true
      let heard = false
      running++
      const release = (): void => {
        if (holds) running--
        holds = false
      }
      const context = makeContext({
        transport: 'memory' as const,
        name: member.name,
        pattern: message.pattern,
        messageId: message.messageId,
        correlationId: message.correlationId,
        causationId: O.fromNullable(message.causationId),
        headers: message.headers,
        attempt,
        deadline,
      })
      return {
        context,
        begin: (settle) => {
          // n.b. a copy for each start: whatever a handler does to its bytes, the next one gets them as they came.
          // `admitted` is undefined, because acceptance was answered when the bus took the message.
          const body = new Uint8Array(message.body)
          deliver(
            {
              subscription: index,
              context,
              body,
              identified: message.identified,
              key: message.key,
              firstFailedAt,
              admitted: undefined,
            },
            (settlement) => {
              if (heard) return
              heard = true
              settle(settlement)
            },
          )
        },
        release,
        forget: () => {
          heard = true
          release()
        },
      }
    },
    rest: (ms, rested) => {
      if (!open) return
      if (ms === undefined) {
        open = false
        return
      }
      wake ??= clock.after(
        ms,
        () => {
          wake = undefined
          rested()
        },
        true,
      )
    },
    close: () => {
      open = false
      wake?.()
      wake = undefined
    },
  }
}

/** The workers that share one line of jobs, in turn. */
export interface Crew {
  readonly join: (worker: Worker) => void
  readonly leave: (worker: Worker) => void
  readonly all: () => ReadonlyArray<Worker>
  /** The next free worker that is fit for the job; it then stands at the end of the round. */
  readonly next: (fit?: (worker: Worker) => boolean) => Worker | undefined
}

/** Nobody yet. */
export const crew = (): Crew => {
  const round: Array<Worker> = []
  return {
    join: (worker) => {
      round.push(worker)
    },
    leave: (worker) => {
      const at = round.indexOf(worker)
      if (at >= 0) round.splice(at, 1)
    },
    all: () => round,
    next: (fit) => {
      const at = round.findIndex((worker) => worker.free() && (fit === undefined || fit(worker)))
      const found = round[at]
      if (found !== undefined) round.push(...round.splice(at, 1))
      return found
    },
  }
}
