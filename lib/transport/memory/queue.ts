import * as O from 'fp-ts/lib/Option.js'
import { abortContext } from '../../core/context.js'
import type { Reason, Settlement } from '../../core/settlement.js'
import { delays } from './delays.js'
import type { Gate } from './intake.js'
import { lanes } from './lanes.js'
import type { BusLetter } from './letters.js'
import { line } from '../../core/line.js'
import type { Message } from './message.js'
import { crew, type Held, type Member, type Worker } from './worker.js'

/** A message on its way into a queue. */
export interface Incoming {
  readonly message: Message
  /** How often it had been a dead letter and was put back. */
  readonly replays: number
  /** Tells the bus that the message has left this queue. */
  readonly free: () => void
}

interface Entry extends Incoming {
  /** Its place among all that ever came in. */
  readonly place: number
  /** Of the next start. */
  readonly attempt: number
  readonly firstFailedAt: number | undefined
  /** It was handed out before and is not settled: what has the same key waits for it. */
  readonly leads: boolean
}

/** The queue of one endpoint of one group: replicas share it. */
export interface Queue extends Gate<Queue> {
  readonly add: (incoming: Incoming) => void
  readonly join: (worker: Worker) => void
  /** The worker's intake has stopped. */
  readonly leave: (worker: Worker) => void
  /** The member is gone: what it left unsettled goes back to the head, and others keep the time of its retries. */
  readonly depart: (member: Member) => void
  /** Somebody listens. */
  readonly live: () => boolean
  /** Whether anybody can listen on it ever again; the queue of a service without a name ends with its connection. */
  readonly usable: () => boolean
}

/** What a queue needs from its bus. */
interface Burial {
  readonly reason: Reason
  readonly to: string | undefined
}

export interface QueueOptions {
  readonly group: string
  readonly endpoint: string
  /** How many messages may wait, those in delayed retry included. */
  readonly maxQueued: number
  /** It goes with its first member. */
  readonly private: boolean
  readonly roomIn: (queue: Queue) => void
  /** False where there is no room. */
  readonly bury: (letter: BusLetter, message: Message, queue: Queue) => boolean
}

// The rest of a worker that refused as overloaded, and the back-off of the dead-letter write, in milliseconds.
const restMs = 100
const firstBackOffMs = 100
const lastBackOffMs = 10_000

interface Running {
  readonly entry: Entry
  readonly held: Held
  readonly worker: Worker
  forgetWrite: (() => void) | undefined
}

/** An empty queue without workers. */
export const queue = (options: QueueOptions): Queue => {
  const { group, endpoint } = options
  const ready = line<Entry>()
  const parked = lanes<Entry>()
  const workers = crew()
  const running = new Set<Running>()
  let scheduled = false
  let usable = true
  let places = 0

  // n.b. never in the caller's stack: a publish has returned, and a settlement was applied, before a handler starts.
  const wake = (): void => {
    if (scheduled) return
    scheduled = true
    queueMicrotask(() => {
      scheduled = false
      pump()
    })
  }
  // Before all that came in later: what was handed out keeps its place, in whatever order it comes back.
  const putBack = (entry: Entry): void => {
    ready.insert({ ...entry, leads: true }, ({ place }) => place > entry.place)
    wake()
  }
  const delayed = delays<Entry>(putBack)

  const end = (run: Running): void => {
    const { entry, held, worker } = run
    running.delete(run)
    worker.member.writes.remove(run)
    held.release()
    const next = parked.leave(entry.message.key)
    if (next !== undefined) putBack(next)
    entry.free()
    wake()
  }
  const bury = (run: Running, { reason, to }: Burial, backOffMs: number): void => {
    const { entry, worker } = run
    const { clock, instance, log } = worker.member.environment
    const { message, replays } = entry
    const { messageId, pattern, body, headers, correlationId, key } = message
    const said = { messageId, endpoint, pattern, reason, body, headers, correlationId, key }
    const letter = { ...said, source: '', service: group, instance, time: clock.unix(), replays, to }
    if (options.bury(letter, message, self)) {
      end(run)
      return
    }
    worker.member.writes.add(run)
    // Its slot stays taken, so that an endpoint which cannot set anything aside comes to a halt and loses nothing.
    if (backOffMs === firstBackOffMs) log(`memory: no room for a dead letter of ${JSON.stringify(endpoint)}, waiting`)
    run.forgetWrite = clock.after(
      backOffMs,
      () => {
        bury(run, { reason, to }, Math.min(2 * backOffMs, lastBackOffMs))
      },
      true,
    )
  }
  const settle = (run: Running, settlement: Settlement): void => {
    const { entry, held, worker } = run
    switch (settlement._tag) {
      case 'Ack':
      case 'Reply':
      case 'Fail':
        end(run)
        return
      case 'Refuse':
        running.delete(run)
        held.release()
        worker.rest(settlement.because === 'draining' ? undefined : restMs, wake)
        putBack(entry)
        return
      case 'Retry': {
        running.delete(run)
        held.release()
        const { attempt, delayMs, reason } = settlement
        delayed.add({ ...entry, attempt, firstFailedAt: reason.firstFailedAt }, delayMs, worker.member)
        wake()
        return
      }
      case 'DeadLetter':
        bury(run, { to: undefined, ...settlement }, firstBackOffMs)
    }
  }
  const next = (): Entry | undefined => {
    for (let entry = ready.first(); entry !== undefined; entry = ready.first()) {
      if (entry.leads || !parked.park(entry.message.key, entry)) return entry
      ready.shift()
    }
    return undefined
  }
  const pump = (): void => {
    for (;;) {
      const entry = next()
      const worker = entry === undefined ? undefined : workers.next()
      if (entry === undefined || worker === undefined) return
      ready.shift()
      parked.enter(entry.message.key)
      const { message, attempt, firstFailedAt } = entry
      const held = worker.take({ message, attempt, firstFailedAt, deadline: O.none })
      const run: Running = { entry, held, worker, forgetWrite: undefined }
      running.add(run)
      options.roomIn(self)
      held.begin((settlement) => {
        settle(run, settlement)
      })
    }
  }

  const dispose = (): void => {
    usable = false
    const entries = [...parked.clear(), ...delayed.clear()]
    for (let entry = ready.shift(); entry !== undefined; entry = ready.shift()) entries.push(entry)
    entries.forEach((entry) => {
      entry.free()
    })
  }
  const self: Queue = {
    waiting: line(),
    hasRoom: () => ready.size() + parked.size() + delayed.size() < options.maxQueued,
    add: (incoming) => {
      ready.push({ ...incoming, place: ++places, attempt: 1, firstFailedAt: undefined, leads: false })
      wake()
    },
    join: (worker) => {
      workers.join(worker)
      delayed.adopt(worker.member)
      wake()
    },
    leave: workers.leave,
    depart: (member) => {
      for (const run of running) {
        if (run.worker.member !== member) continue
        running.delete(run)
        run.held.forget()
        abortContext(run.held.context, 'disconnected')
        run.forgetWrite?.()
        putBack({ ...run.entry, attempt: run.entry.attempt + 1 })
      }
      const [heir] = workers.all().filter((worker) => worker.open())
      delayed.depart(member, heir?.member)
      if (options.private) dispose()
    },
    live: () => workers.all().some((worker) => worker.open()),
    usable: () => usable,
  }
  return self
}
