import type { AbortReason } from '../../core/context.js'
import { router } from '../../core/pattern.js'
import type { Answer, LetterStore, Outgoing } from '../transport.js'
import { desk, noHandler, overloaded, tooLarge, type Desk } from './desk.js'
import { intake } from './intake.js'
import type { BusLetter, Letters } from './letters.js'
import { message, weight, type Message } from './message.js'
import { queue, type Queue } from './queue.js'
import type { Member, Worker } from './worker.js'

/** The largest body. */
export const maxMessageBytes = 1_048_576

/** What all connections of a bus share. */
export interface Broker {
  /** Live at once. The result stops the intake of these workers. */
  readonly subscribe: (workers: ReadonlyArray<Worker>) => () => void
  /** `answer` is called once, possibly before this returns. The result gives up waiting for room. */
  readonly publish: (sender: Member, outgoing: Outgoing, answer: (answer: Answer) => void) => () => void
  /** The same for a request; the result also tells whether a handler may have begun. */
  readonly request: (
    sender: Member,
    outgoing: Outgoing,
    answer: (answer: Answer) => void,
  ) => (reason: AbortReason) => 'no' | 'maybe'
  /** The dead letters of a group. */
  readonly letters: (group: string) => LetterStore
  /** Takes back whatever the member left unsettled. Its workers are to have stopped before. */
  readonly depart: (member: Member) => void
}

/** What bounds a broker. */
export interface BrokerOptions {
  readonly maxQueued: number
  readonly maxQueuedBytes: number
  readonly letters: Letters
}

/** A broker that nobody is connected to. */
export const broker = ({ maxQueued, maxQueuedBytes, letters }: BrokerOptions): Broker => {
  // By group, then by endpoint; those without a group have one of their own, by identity.
  const groups = new Map<string | Member, Map<string, Queue>>()
  const desks = new Map<string, Desk>()
  const events = new Map<Worker, Queue>()
  const door = intake<Queue>(maxQueuedBytes)
  let route: ((pattern: string) => ReadonlyArray<Queue>) | undefined

  const bury = (letter: BusLetter, sent: Message, home: Queue): boolean =>
    letters.bury({
      letter,
      restore: () => {
        if (!home.usable()) return false
        home.add({ message: sent, replays: letter.replays + 1, free: door.charge(weight(sent)) })
        return true
      },
    })
  const queueOf = (worker: Worker): Queue => {
    const { group } = worker.member.environment
    const { endpoint } = worker.subscription
    const key = group === '' ? worker.member : group
    const queues = groups.get(key) ?? new Map<string, Queue>()
    const found =
      queues.get(endpoint) ?? queue({ group, endpoint, maxQueued, private: group === '', roomIn: door.roomIn, bury })
    groups.set(key, queues.set(endpoint, found))
    return found
  }
  const deskOf = (pattern: string): Desk => {
    const found = desks.get(pattern) ?? desk(pattern, maxQueued, maxMessageBytes)
    desks.set(pattern, found)
    return found
  }
  const subscribersOf = (pattern: string): ReadonlyArray<Queue> => {
    route ??= router([...events].map(([worker, value]) => ({ pattern: worker.subscription.pattern, value })))
    // n.b. replicas of an endpoint stand in the router once each, and an endpoint gets a message once
    return [...new Set(route(pattern))].filter((one) => one.live())
  }
  return {
    subscribe: (workers) => {
      for (const worker of workers) {
        if (worker.subscription.kind === 'message') {
          deskOf(worker.subscription.pattern).join(worker)
          continue
        }
        const home = queueOf(worker)
        events.set(worker, home)
        home.join(worker)
      }
      route = undefined
      return () => {
        for (const worker of workers) {
          worker.close()
          desks.get(worker.subscription.pattern)?.leave(worker)
          const home = events.get(worker)
          if (home === undefined) continue
          events.delete(worker)
          home.leave(worker)
          if (!home.live()) door.shut(home)
        }
        route = undefined
      }
    },
    publish: (sender, outgoing, answer) => {
      const sent = message(outgoing, sender.environment.random)
      const queues = subscribersOf(sent.pattern)
      if (sent.body.length > maxMessageBytes) answer(tooLarge(maxMessageBytes))
      else if (queues.length === 0) answer(outgoing.mandatory ? noHandler(sent.pattern) : { _tag: 'Accepted' })
      else
        return door.offer(weight(sent), queues, (to, free) => {
          to.forEach((one) => {
            one.add({ message: sent, replays: 0, free })
          })
          answer({ _tag: 'Accepted' })
        })
      return () => undefined
    },
    request: (sender, outgoing, answer) => {
      const sent = message(outgoing, sender.environment.random)
      const found = desks.get(sent.pattern)
      if (sent.body.length > maxMessageBytes) answer(tooLarge(maxMessageBytes))
      else if (found === undefined) answer(noHandler(sent.pattern))
      else if (!door.fits(weight(sent))) answer(overloaded(maxQueuedBytes))
      else {
        const free = door.charge(weight(sent))
        const deadline = sender.environment.clock.now() + outgoing.timeoutMs
        let charged = true
        const settle = (): void => {
          if (charged) free()
          charged = false
        }
        const withdraw = found.ask({
          message: sent,
          sender,
          deadline,
          answer: (given) => {
            settle()
            answer(given)
          },
        })
        return (reason) => {
          settle()
          return withdraw(reason)
        }
      }
      return () => 'no'
    },
    letters: letters.of,
    depart: (member) => {
      desks.forEach((one) => {
        one.depart(member)
      })
      for (const queues of groups.values()) for (const one of queues.values()) one.depart(member)
      groups.delete(member)
    },
  }
}
