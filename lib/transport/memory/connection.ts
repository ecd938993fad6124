import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { ReplaySubject } from 'rxjs'
import { unwritten } from '../../core/unwritten.js'
import type { Answer, Cancel, Connection, Environment, Status } from '../transport.js'
import type { Broker } from './broker.js'
import { closed } from './desk.js'
import type { MemoryContext } from './context.js'
import { worker, type Member } from './worker.js'

/** A connection to a broker. It is ready at once. */
export const connection = <N extends string>(
  broker: Broker,
  name: N,
  environment: Environment,
): Connection<MemoryContext<N>> => {
  const member: Member<N> = { name, environment, writes: unwritten(environment.clock) }
  const pending = new Set<() => void>()
  const stops = new Set<() => void>()
  const status$ = new ReplaySubject<Status>(1)
  let open = true
  status$.next('ready')

  // Answers in a turn of its own, so that a caller has the cancel function in hand before it hears anything.
  const call = (
    begin: (answer: (answer: Answer) => void) => (reason: 'cancelled' | 'disconnected') => 'no' | 'maybe',
    answer: (answer: Answer) => void,
  ): Cancel => {
    let cancelled = false
    let over = false
    const finish = (given: Answer): void => {
      if (over) return
      over = true
      pending.delete(abandon)
      queueMicrotask(() => {
        if (!cancelled) answer(given)
      })
    }
    const abandon = (): void => {
      finish(closed(withdraw('disconnected')))
    }
    pending.add(abandon)
    const withdraw = open ? begin(finish) : () => 'no' as const
    if (!open) abandon()
    return () => {
      cancelled = true
      if (over) return 'maybe'
      over = true
      pending.delete(abandon)
      return withdraw('cancelled')
    }
  }
  return {
    subscribe: (subscriptions, deliver) => () => {
      if (!open) {
        const message = 'the connection is closed'
        return Promise.resolve(E.left({ _tag: 'TransportFailed', name, message, cause: undefined }))
      }
      const stop = broker.subscribe(subscriptions.map((one, index) => worker(member, one, index, deliver)))
      stops.add(stop)
      return Promise.resolve(
        E.right(() => {
          if (stops.delete(stop)) stop()
          return Promise.resolve()
        }),
      )
    },
    publish: (message, answer) =>
      call((finish) => {
        const cancel = broker.publish(member, message, finish)
        return () => {
          cancel()
          return 'no'
        }
      }, answer),
    request: (message, answer) => call((finish) => broker.request(member, message, finish), answer),
    warm: TE.right(undefined),
    status$: status$.asObservable(),
    address: () => O.none,
    stalled: member.writes.stalled,
    letters: () => [broker.letters(environment.group)],
    close: async () => {
      if (open) {
        open = false
        // n.b. first, so that what it asked of itself is Closed like the rest
        pending.forEach((abandon) => {
          abandon()
        })
        stops.forEach((stop) => {
          stop()
        })
        stops.clear()
        broker.depart(member)
        status$.next('closed')
        status$.complete()
      }
      // n.b. after the answers, which have a turn of their own
      await Promise.resolve()
    },
  }
}
