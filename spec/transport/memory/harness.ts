/** Drives connections of a memory bus directly, in virtual time, with what each replica got on record. */
import type { Deliver, Delivery } from '../../../lib/core/delivery.js'
import type { DeadLetter, LetterVerdict, Swept } from '../../../lib/core/letter.js'
import type { Reason, Settlement } from '../../../lib/core/settlement.js'
import { seededRandom, virtualClock, type VirtualClock } from '../../../lib/testing/virtual-clock.js'
import {
  memory,
  memoryBus,
  type MemoryBus,
  type MemoryBusOptions,
  type MemoryContext,
} from '../../../lib/transport/memory/index.js'
import type { Answer, Connection, Environment, Outgoing, Subscription } from '../../../lib/transport/transport.js'

export type Got = Delivery<MemoryContext> & { readonly settle: (settlement: Settlement) => void; readonly at: number }

export interface Replica {
  readonly connection: Connection<MemoryContext>
  /** Everything delivered, in order. */
  readonly got: Array<Got>
  /** The bodies of what was delivered, as text. */
  readonly bodies: () => ReadonlyArray<string>
  readonly stop: () => Promise<void>
}

export const text = (body: Uint8Array): string => new TextDecoder().decode(body)

export const outgoing = (pattern: string, body: Outgoing['body'] = '', more: Partial<Outgoing> = {}): Outgoing => ({
  pattern,
  body,
  contentType: 'application/json',
  headers: {},
  messageId: undefined,
  correlationId: undefined,
  causationId: undefined,
  key: undefined,
  timeoutMs: 10_000,
  idempotent: false,
  mandatory: false,
  ...more,
})

export const subscription = (pattern: string, more: Partial<Subscription> = {}): Subscription => ({
  endpoint: pattern,
  kind: 'event',
  pattern,
  concurrency: 8,
  window: 8,
  ...more,
})

export const reason = (more: Partial<Reason> = {}): Reason => ({
  _tag: 'HandlerFailed',
  message: 'the handler failed',
  errorId: undefined,
  attempts: 1,
  firstFailedAt: 1,
  lastFailedAt: 1,
  ...more,
})

export const ack: Settlement = { _tag: 'Ack' }
export const reply = (body: string): Settlement => ({ _tag: 'Reply', status: 'ok', body })
export const retry = (delayMs: number, attempt: number): Settlement => ({
  _tag: 'Retry',
  delayMs,
  attempt,
  reason: reason({ firstFailedAt: 77 }),
})
export const dead = (more: Partial<Reason> = {}): Settlement => ({ _tag: 'DeadLetter', reason: reason(more) })

/** Every pending promise and microtask runs. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A verdict on each dead letter of the group. */
export type Sweep = (group: string, verdict?: (letter: DeadLetter) => LetterVerdict) => Promise<Swept>

export interface Harness {
  readonly bus: MemoryBus
  readonly time: VirtualClock
  readonly log: Array<string>
  readonly environment: (group: string) => Environment
  readonly connect: (group?: string) => Promise<Connection<MemoryContext>>
  /** A connection of the group that subscribes, keeps what it gets, and settles by `handle` if that is given. */
  readonly replica: (
    group: string,
    subscriptions: ReadonlyArray<Subscription>,
    handle?: (got: Got) => Settlement | undefined,
  ) => Promise<Replica>
  /** Puts the dead letters of the group back, unless the verdict is another. */
  readonly sweep: Sweep
}

export const harness = (options?: MemoryBusOptions): Harness => {
  const bus = memoryBus(options)
  const time = virtualClock()
  const random = seededRandom(1)
  const log: Array<string> = []
  let instances = 0
  const environment = (group: string): Environment => ({
    clock: time.clock,
    random,
    group,
    instance: `instance-${++instances}`,
    log: (line) => log.push(line),
  })
  const connect = async (group = ''): Promise<Connection<MemoryContext>> => {
    const connected = await memory({ bus }).connect(environment(group))()
    if (connected._tag === 'Left') throw new Error(connected.left._tag)
    return connected.right
  }
  return {
    bus,
    time,
    log,
    environment,
    connect,
    sweep: async (group, verdict = () => 'redrive') => {
      const connection = await connect(group)
      const [store] = connection.letters?.([]) ?? []
      const swept = await store?.sweep(verdict)()
      await connection.close()
      if (swept?._tag !== 'Right') throw new Error('no dead letters are kept')
      return swept.right
    },
    replica: async (group, subscriptions, handle = () => undefined) => {
      const connection = await connect(group)
      const got: Array<Got> = []
      const deliver: Deliver<MemoryContext> = (delivery, settle) => {
        const one: Got = { ...delivery, settle, at: time.clock.now() }
        got.push(one)
        const settlement = handle(one)
        if (settlement !== undefined) settle(settlement)
      }
      const subscribed = await connection.subscribe(subscriptions, deliver)()
      if (subscribed._tag === 'Left') throw new Error(subscribed.left._tag)
      return { connection, got, bodies: () => got.map(({ body }) => text(body)), stop: subscribed.right }
    },
  }
}

/** Publishes and waits for the answer. */
export const publish = (
  connection: Connection<MemoryContext>,
  pattern: string,
  body: Outgoing['body'] = '',
  more: Partial<Outgoing> = {},
): Promise<Answer> => new Promise((resolve) => connection.publish(outgoing(pattern, body, more), resolve))

/** Asks and waits for the answer. */
export const request = (
  connection: Connection<MemoryContext>,
  pattern: string,
  body: Outgoing['body'] = '',
  more: Partial<Outgoing> = {},
): Promise<Answer> => new Promise((resolve) => connection.request(outgoing(pattern, body, more), resolve))
