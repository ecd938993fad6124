/** Takes the deliveries of one subscription: slots, key lanes, what waits, what is parked. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { nextAttempt } from '../core/context.js'
import type { Deliver } from '../core/delivery.js'
import type { Failure } from '../core/error.js'
import { line } from '../core/line.js'
import type { Decoded, Runnable } from '../core/dispatch.js'
import { accept, admission } from './admission.js'
import { attempts, type Retrying } from './attempts.js'
import type { Job } from './job.js'
import { lanes } from './lanes.js'
import { pause } from './pause.js'
import type { Served, Shared } from './shared.js'

export interface Worker {
  readonly deliver: Deliver
  /** Gives back what has not started and can be given back; the rest is drained. */
  readonly release: () => void
  /** Handlers that run (late ones included), and deliveries that still wait. */
  readonly busy: () => number
  /** Deliveries that have had a slot and left it, ever. */
  readonly ended: () => number
  /** Every slot is held by a handler that ignored its signal. */
  readonly stuck: () => boolean
  /** Nothing is started, because handlers keep throwing. */
  readonly paused: () => boolean
  /** Forgets every timer. */
  readonly close: () => void
}

// A small body inside a large read would keep all of it alive for as long as it waits.
const own = (body: Uint8Array): Uint8Array =>
  body.buffer.byteLength > 2 * body.length + 1_024 ? new Uint8Array(body) : body

const noKey = E.right(undefined)

/** Handlers of a subscription that run at once, unless the endpoint or the service says otherwise. */
export const defaultConcurrency = 32

export const worker = (runnable: Runnable, served: Served, shared: Shared): Worker => {
  const { clock, budget, limits } = shared
  const { policy, _tag } = runnable.resolved.endpoint
  const isEvent = _tag === 'OnEvent'
  const byPayload = policy.orderingKey !== undefined
  const slots = policy.concurrency ?? defaultConcurrency
  const admitting = admission()
  const ready = line<Job>()
  const keyed = lanes<Job>()
  const parked = new Map<Job, Retrying & { readonly dueAt: number }>()
  let running = 0
  let ended = 0
  let filling = false

  const begin = (job: Job, now: number): void => {
    running += 1
    accept(job, 'accepted')
    starts.start(job, now)
  }
  const start = (job: Job, now: number): void => {
    holding.starts(job)
    begin(job, now)
  }

  // n.b. not re-entrant: a handler that throws at once frees its slot within start, and a long queue of those would
  // overflow the stack
  const fill = (): void => {
    if (filling) return
    filling = true
    while (running < slots && holding.open()) {
      const next = ready.shift()
      if (next === undefined) break
      leave(next)
      start(next, clock.now())
    }
    filling = false
  }

  const free = (job: Job): void => {
    running -= 1
    ended += 1
    holding.left(job)
    if (job.key !== undefined && job.state !== 'parked') follow(job.key)
    fill()
    shared.ended()
  }
  const follow = (key: string): void => {
    const next = keyed.next(key)
    if (next !== undefined) stand(next)
  }

  const stand = (job: Job): void => {
    job.inLane = false
    job.quit = ready.push(job)
  }
  const leave = (job: Job): void => {
    job.quit = undefined
    budget.give(job.bytes)
    admitting.leaves(job)
    limits.remove(job)
  }
  // Takes a job out, wherever it waits, so that nothing of it is left; the lane it was next in goes on.
  const takeOut = (job: Job): boolean => {
    if (job.quit === undefined || job.state !== 'waiting') return false
    job.quit()
    leave(job)
    if (!job.inLane && job.key !== undefined) follow(job.key)
    return true
  }
  const fail = (job: Job, failure: Failure): void => {
    job.state = 'over'
    job.settle({ _tag: 'Fail', failure })
    fill()
    shared.ended()
  }

  // n.b. the lane stays taken: that is what keeps the order of its key
  const park = (job: Job, retry: Retrying): void => {
    const { delayMs, attempt, reason } = retry
    if (shared.stopping()) {
      handBack(job, retry)
      return
    }
    job.state = 'parked'
    job.retry = retry
    job.firstFailedAt = reason.firstFailedAt
    job.context = nextAttempt(job.context, attempt)
    parked.set(job, { ...retry, dueAt: clock.now() + delayMs })
    job.body = own(job.body)
    budget.hold(job.bytes)
    job.forget = clock.after(delayMs, () => {
      job.forget = undefined
      parked.delete(job)
      job.state = 'waiting'
      stand(job)
      fill()
    })
  }

  const holding = pause(runnable.resolved.id, shared, fill)
  const starts = attempts(runnable, served, shared, { free, park }, holding)

  const keyOf = (payload: Decoded | undefined): Either<{ readonly cause: unknown }, string | undefined> => {
    try {
      return E.right(payload?._tag === 'Right' ? policy.orderingKey?.(payload.right as never) : undefined)
    } catch (cause) {
      return E.left({ cause })
    }
  }

  const deliver: Deliver = (delivery, settle) => {
    if (shared.stopping()) {
      settle({ _tag: 'Refuse', because: 'draining', limit: 0 })
      return undefined
    }
    // n.b. also where a slot is free: each start of an event may end in a retry that is held
    if (isEvent && budget.full()) {
      settle({ _tag: 'Refuse', because: 'overloaded', limit: budget.limit })
      return undefined
    }
    const { body, admitted } = delivery
    const room = running < slots && ready.size() === 0 && holding.open()
    // What has to wait is decoded when it starts, unless its key or its acceptance depend on what it says.
    const payload = room || byPayload || admitted !== undefined ? runnable.decode(body) : undefined
    const invalid = payload?._tag === 'Left'
    const key = byPayload ? keyOf(payload) : noKey
    const now = clock.now()
    const job: Job = {
      bytes: body.length,
      body,
      settle,
      admitted,
      payload,
      messageKey: delivery.key,
      identified: delivery.identified,
      claim: undefined,
      broken: key._tag === 'Left' ? key.left : undefined,
      key: invalid || key._tag === 'Left' ? undefined : (key.right ?? delivery.key),
      arrivedAt: now,
      expire,
      context: delivery.context,
      state: 'waiting',
      admission: admitted === undefined || invalid ? 'accepted' : 'none',
      limitMs: 0,
      dueAt: 0,
      slot: -1,
      firstFailedAt: delivery.firstFailedAt,
      retry: undefined,
      quit: undefined,
      inLane: false,
      held: undefined,
      forget: undefined,
    }
    if (invalid) {
      // No handler will run, so this needs no slot.
      admitted?.(payload.left)
      begin(job, now)
      return undefined
    }
    const follows = job.key !== undefined && !keyed.enter(job.key)
    if (!follows && room) {
      start(job, now)
      return undefined
    }
    if (!budget.take(body.length)) {
      if (job.key !== undefined && !follows) follow(job.key)
      settle({ _tag: 'Refuse', because: 'overloaded', limit: budget.limit })
      return undefined
    }
    job.payload = undefined
    job.body = own(body)
    if (follows && job.key !== undefined) {
      job.inLane = true
      job.quit = keyed.join(job.key, job)
    } else stand(job)
    admitting.waits(job)
    const { deadline } = job.context
    if (!isEvent && deadline._tag === 'Some') {
      job.dueAt = deadline.value
      limits.add(job)
    }
    return () => {
      withdraw(job)
    }
  }

  const withdraw = (job: Job): void => {
    const answered = isEvent && (job.admission === 'counted' || job.admission === 'accepted')
    if (answered || !takeOut(job)) return
    if (isEvent) giveBack(job, 'overloaded')
    else fail(job, { _tag: 'Cancelled' })
  }

  // A request that waits is answered at its deadline, and makes room, whether or not a slot is ever free again.
  const expire = (job: Job): void => {
    if (job.state !== 'waiting') starts.expire(job)
    else if (takeOut(job))
      fail(job, { _tag: 'TimeoutError', afterMs: Math.round(clock.now() - job.arrivedAt), waitingFor: 'handler' })
  }

  // An event whose sender was told that it is accepted cannot be given back.
  const returnable = (job: Job): boolean =>
    job.admitted === undefined || job.admission === 'none' || job.admission === 'held'

  const giveBack = (job: Job, because: 'draining' | 'overloaded' = 'draining'): void => {
    job.state = 'over'
    job.settle({ _tag: 'Refuse', because, limit: because === 'draining' ? 0 : budget.limit })
  }
  // A retry that this process will not make: the transport's again where it still has the message, with its attempts.
  // Where the sender was told that it is accepted, the transport counts it as lost.
  const handBack = (job: Job, retry: Retrying): void => {
    if (!returnable(job) || !served.capabilities.delayedRetry) {
      giveBack(job)
      return
    }
    job.state = 'over'
    job.settle(retry)
  }
  const release = (): void => {
    // What cannot be given back gets its start.
    holding.lift()
    for (const job of keyed.extract(returnable)) {
      leave(job)
      giveBack(job)
    }
    for (const job of ready.extract(returnable)) {
      leave(job)
      // n.b. given back as a message that has never been started, it would be counted from 1 again
      if (job.retry === undefined) giveBack(job)
      else handBack(job, { ...job.retry, delayMs: 0 })
      if (job.key !== undefined) follow(job.key)
    }
    for (const [job, { dueAt, ...retry }] of parked) {
      job.forget?.()
      budget.give(job.bytes)
      handBack(job, { ...retry, delayMs: Math.max(0, dueAt - clock.now()) })
      if (job.key !== undefined) follow(job.key)
    }
    parked.clear()
    fill()
    shared.ended()
  }

  return {
    deliver,
    release,
    busy: () => running + ready.size() + keyed.size(),
    ended: () => ended,
    stuck: () => starts.late() >= slots,
    paused: holding.paused,
    close: () => {
      holding.lift()
      starts.close()
      for (const job of parked.keys()) job.forget?.()
    },
  }
}
