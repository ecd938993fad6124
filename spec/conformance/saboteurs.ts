/** Transports with something wrong with them: the memory transport, badly treated. */
import type { Subject } from 'taskwire/testing'
import { tap } from '../../lib/testing/conformance/tap.js'
import type { Answer, Cancel, Capabilities, Connection, Deliver, Transport } from 'taskwire'
import { memorySubject } from './subjects.js'

const sabotaged = (
  name: string,
  change: (connection: Connection) => Partial<Connection>,
  claims: Partial<Capabilities> = {},
): Subject => {
  const capabilities = { ...memorySubject.capabilities, ...claims }
  const badly = (transport: Transport): Transport => ({ ...tap(transport, change), capabilities })
  return {
    name,
    capabilities,
    patience: 1_000,
    world: async () => {
      const world = await memorySubject.world()
      return {
        ...world,
        transport: (token) => badly(world.transport(token)),
        client: (replicas, token) => badly(world.client(replicas, token)),
      }
    },
  }
}

const accepted: Answer = { _tag: 'Accepted' }
const nothing: Cancel = () => 'no'

/** Says that it has taken every tenth event of a connection, and has not. */
export const forgetful = sabotaged('forgetful', ({ publish }) => {
  let count = 0
  return {
    publish: (message, answer) => {
      count += 1
      if (count % 10 !== 0) return publish(message, answer)
      queueMicrotask(() => answer(accepted))
      return nothing
    },
  }
})

/** Sends every request twice, and gives the caller the first answer. */
export const stuttering = sabotaged('stuttering', ({ request }) => ({
  request: (message, answer) => {
    let answered = false
    const once = (given: Answer): void => {
      if (!answered) answer(given)
      answered = true
    }
    const cancels = [request(message, once), request(message, once)]
    return () => (cancels.map((cancel) => cancel()).includes('maybe') ? 'maybe' : 'no')
  },
}))

/** Forgets a cancelled request without telling anybody. */
export const deaf = sabotaged('deaf', ({ request }) => ({
  request: (message, answer) => {
    let cancelled = false
    request(message, (given) => {
      if (!cancelled) answer(given)
    })
    return () => {
      cancelled = true
      return 'maybe'
    }
  },
}))

/** Lets each second event of a connection go before the one that was to come before it. */
export const unorderly = sabotaged('unorderly', ({ publish }) => {
  let held: (() => void) | undefined
  return {
    publish: (message, answer) => {
      let cancel = nothing
      const go = (): void => {
        held = undefined
        cancel = publish(message, answer)
      }
      if (held === undefined) {
        held = go
        // n.b. it goes by itself when nothing follows
        setImmediate(() => {
          if (held === go) go()
        })
      } else {
        const first = held
        go()
        first()
      }
      return () => cancel()
    },
  }
})

const settling =
  (change: (settle: Parameters<Deliver>[1]) => Parameters<Deliver>[1], early = false) =>
  ({ subscribe }: Connection): Partial<Connection> => ({
    subscribe: (subscriptions, deliver) =>
      subscribe(subscriptions, (delivery, settle) => {
        const event = subscriptions[delivery.subscription]?.kind === 'event'
        if (event && early) settle({ _tag: 'Ack' })
        return deliver(delivery, event ? change(settle) : settle)
      }),
  })

/** Acknowledges an event before its handler has run, and says that it keeps what is not acknowledged. */
export const hasty = sabotaged(
  'hasty',
  settling((settle) => settle, true),
  { durable: true },
)

/** Says that it keeps dead letters, and drops them. */
export const tidy = sabotaged(
  'tidy',
  settling((settle) => (settlement) => settle(settlement._tag === 'DeadLetter' ? { _tag: 'Ack' } : settlement)),
)

/** Says that it keeps what nobody has taken. */
export const boastful = sabotaged('boastful', () => ({}), { durable: true })

/** Says that it can do less than it does. */
export const modest = sabotaged('modest', () => ({}), { fanOut: false, cancel: false, noHandler: false })

/** Leaves a timer behind. */
export const leaky: Subject = {
  ...memorySubject,
  name: 'leaky',
  world: async () => ({
    ...(await memorySubject.world()),
    dispose: async () => {
      setTimeout(nothing, 200)
    },
  }),
}
