/** A transport that records what it is asked, and lets the spec deliver, answer and fail. */
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { BehaviorSubject } from 'rxjs'
import type {
  Address,
  Answer,
  Capabilities,
  ConnectError,
  Connection,
  Context,
  Deliver,
  Environment,
  Issue,
  Outgoing,
  Settlement,
  Status,
  Subscription,
  Transport,
} from 'taskwire'
import { memory } from 'taskwire/memory'
import { fixtureContext } from 'taskwire/testing'
import { makeContext } from '../../../lib/core/context.js'

/** One delivery, and everything the runtime said about it. */
export interface Pushed {
  readonly context: Context
  readonly settlements: Array<Settlement>
  /** Takes it back while it waits, as a transport does whose caller is gone. */
  readonly withdraw: () => void
  readonly admitted: Array<ReadonlyArray<Issue> | undefined>
}

export interface PushOptions {
  readonly key?: string
  readonly attempt?: number
  readonly deadline?: number
  readonly firstFailedAt?: number
  readonly messageId?: string
  /** Default true. */
  readonly identified?: boolean
  /** The bytes themselves, in place of the JSON of the payload. */
  readonly body?: Uint8Array
  /** The sender waits for acceptance, as over TCP. */
  readonly awaited?: boolean
  readonly settled?: (settlement: Settlement) => void
  /** Hears of acceptance; with it the sender waits for it. */
  readonly told?: () => void
}

/** A call that the client made, and the way to answer it. */
export interface Asked {
  readonly kind: 'request' | 'publish'
  readonly message: Outgoing
  readonly answer: (answer: Answer) => void
  cancelled: boolean
}

export interface FakeOptions {
  readonly name?: string
  readonly capabilities?: Partial<Capabilities>
  readonly needsName?: boolean
  readonly maxMessageBytes?: number
  readonly problems?: Transport['problems']
  readonly address?: Address
  /** Runs before connecting, subscribing, stopping the intake, closing; a Left is what the step answers. */
  readonly connect?: TaskEither<ConnectError, unknown>
  readonly subscribe?: TaskEither<ConnectError, unknown>
  readonly stopIntake?: Task<void>
  readonly close?: Task<void>
  /** What calls are answered with at once, within the call. */
  readonly reply?: (asked: Asked) => Answer | undefined
  readonly status?: Status
  /** Where dead letters lie. Default: nowhere. */
  readonly letters?: Connection['letters']
  /** The broker takes no dead letters. */
  readonly stalled?: () => boolean
}

export interface Fake {
  readonly transport: Transport<string>
  /** What it was asked to do, in order. */
  readonly journal: Array<string>
  readonly subscriptions: Array<Subscription>
  readonly asked: Array<Asked>
  readonly status$: BehaviorSubject<Status>
  readonly environment: () => Environment
  readonly push: (endpoint: string, payload?: unknown, options?: PushOptions) => Pushed
}

let messages = 0

export const bytes = (payload: unknown): Uint8Array =>
  new TextEncoder().encode(payload === undefined ? '' : JSON.stringify(payload))

export const fake = (options: FakeOptions = {}): Fake => {
  const { name = 'fake', connect, subscribe, stopIntake, close } = options
  const journal: Array<string> = []
  const subscriptions: Array<Subscription> = []
  const asked: Array<Asked> = []
  const status$ = new BehaviorSubject<Status>(options.status ?? 'ready')
  let deliver: Deliver | undefined
  let environment: Environment | undefined
  let lost = 0

  const ask = (kind: Asked['kind']) => (message: Outgoing, answer: (answer: Answer) => void) => {
    const one: Asked = { kind, message, answer, cancelled: false }
    asked.push(one)
    // It leaves as soon as the connection is ready.
    let left = false
    status$.subscribe((status) => {
      left ||= status === 'ready'
    })
    const given = options.reply?.(one)
    if (given !== undefined) answer(given)
    return () => {
      one.cancelled = true
      return left ? 'maybe' : 'no'
    }
  }
  const connection: Connection = {
    subscribe: (given, to) => async () => {
      journal.push('subscribe')
      subscriptions.push(...given)
      deliver = to
      const answer = await subscribe?.()
      if (answer?._tag === 'Left') return answer
      return E.right(async () => {
        journal.push('stopIntake')
        await stopIntake?.()
      })
    },
    publish: ask('publish'),
    request: ask('request'),
    warm: () => {
      journal.push('warm')
      return Promise.resolve(E.right(undefined))
    },
    status$,
    address: () => O.fromNullable(options.address),
    lost: () => lost,
    ...(options.letters === undefined ? {} : { letters: options.letters }),
    ...(options.stalled === undefined ? {} : { stalled: options.stalled }),
    close: async () => {
      journal.push('close')
      await close?.()
      status$.next('closed')
    },
  }
  const transport: Transport<string> = {
    _tag: 'Transport',
    name,
    kind: 'fake',
    capabilities: { ...memory().capabilities, ...options.capabilities },
    needsName: options.needsName ?? false,
    maxMessageBytes: options.maxMessageBytes ?? 1_048_576,
    problems: options.problems ?? [],
    connect: (given) => async () => {
      journal.push('connect')
      environment = given
      const answer = await connect?.()
      return answer?._tag === 'Left' ? answer : E.right(connection)
    },
  }
  return {
    transport,
    journal,
    subscriptions,
    asked,
    status$,
    environment: () => environment!,
    push: (endpoint, payload, { key, awaited, settled, told, ...given } = {}) => {
      const index = subscriptions.findIndex((one) => one.endpoint === endpoint)
      if (index < 0 || deliver === undefined) throw new Error(`nothing listens on ${endpoint}`)
      const { signal: _, ...fields } = fixtureContext()
      const context: Context = makeContext({
        ...fields,
        transport: 'fake',
        name,
        pattern: endpoint,
        messageId: given.messageId ?? `m${++messages}`,
        attempt: given.attempt ?? 1,
        deadline: O.fromNullable(given.deadline),
      })
      const pushed: Pushed = { context, settlements: [], admitted: [], withdraw: () => takeBack?.() }
      const takeBack = deliver(
        {
          subscription: index,
          context,
          body: given.body ?? bytes(payload),
          identified: given.identified ?? true,
          key,
          firstFailedAt: given.firstFailedAt,
          admitted:
            awaited === true || told !== undefined
              ? (issues) => {
                  pushed.admitted.push(issues)
                  told?.()
                }
              : undefined,
        },
        (settlement) => {
          if (settlement._tag === 'Refuse' && pushed.admitted[0] === undefined && pushed.admitted.length > 0) lost += 1
          pushed.settlements.push(settlement)
          settled?.(settlement)
        },
      )
      return pushed
    },
  }
}
