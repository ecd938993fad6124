/**
 * What leaves for the brokers: records of a topic wait for one another and go together, one request of a topic at a time.
 * n.b. plain callbacks: one `send` for each record gives 2,000 to 6,000 a second, batches 50,000 and more.
 */
import type { Random } from '../../core/clock.js'
import { line, type Line } from '../../core/line.js'
import type { CallFailure } from '../../core/error.js'
import { disconnected, failing, reasonOf, transportFailed } from '../broker/failing.js'
import type { Failing } from '../transport.js'
import { connectError, typeOf } from './failures.js'
import { partitionOf } from './murmur2.js'

/** A record, as kafkajs takes it. */
export interface Record {
  readonly key: Buffer | null
  readonly value: Buffer | string | null
  readonly headers: { readonly [name: string]: Buffer | string | Array<Buffer | string> | undefined }
}

/** What the brokers answered for one partition. */
export interface Receipt {
  readonly topicName: string
  readonly partition: number
  readonly errorCode: number
}

/** Sends records that have their partitions; resolves with what was answered, which may be less than was sent. */
export type Send = (
  topic: string,
  acks: number,
  messages: ReadonlyArray<Record & { readonly partition: number }>,
) => Promise<ReadonlyArray<Receipt>>

/** How it ended: `undefined` is well. */
export type Sent = (failing: Failing | undefined) => void

export interface Outbox {
  /** `partition` where it is not to be that of the key. The result gives up: `no` when it has not left. */
  readonly put: (to: Destination, record: Record, done: Sent) => () => 'no' | 'maybe'
  /** Resolves when nothing is under way. */
  readonly idle: () => Promise<void>
  /** Ends what has not left, and takes nothing more. */
  readonly close: () => void
}

export interface Destination {
  readonly topic: string
  readonly partitions: number
  readonly partition?: number
  /** -1: every replica in sync; 1: the leader alone. */
  readonly acks: -1 | 1
  /** What may have been written is not written again. Default false. */
  readonly once?: boolean
}

/** n.b. the record itself, and not one beside it: of what waits there is much, and all of it outlives a collection. */
interface Parcel extends Record {
  readonly partition: number
  readonly bytes: number
  readonly done: Sent
  gone: boolean
}

/** Of one topic. */
interface Lane {
  readonly queue: Line<Parcel>
  /** Where records without a key go, until the next request, or until there are many. */
  sticky: number
  stuck: number
  busy: boolean
}

export const maxRecords = 500
/** Records without a key that go to one partition in a row. n.b. kafkajs copies those of a partition once for each of them. */
const mostStuck = 64
/** Per partition, and of one request; a broker takes 1,048,588 by default. */
export const maxBatchBytes = 921_600
/** What may wait, over all topics. */
export const maxWaiting = 10_000
export const maxWaitingBytes = 50_000_000
/** How often what is missing from an answer is sent again. */
const resends = 2
/** When there is room again, and when a topic is worth another look, in milliseconds. */
const overloadedMs = 50
const lookAgainMs = 100

/** How often what failed is sent again, and after how many milliseconds at first, and at most. */
const retries = 3
const firstRetryMs = 100
const lastRetryMs = 1_000

const tooLarge: ReadonlySet<unknown> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

const lengthOf = (given: Buffer | string | null | undefined): number =>
  given === null || given === undefined ? 0 : typeof given === 'string' ? Buffer.byteLength(given) : given.length

const bytesOf = ({ key, value, headers }: Record): number => {
  let bytes = lengthOf(key) + lengthOf(value) + 70
  for (const name in headers) {
    const given = headers[name]
    if (!Array.isArray(given)) bytes += 4 + name.length + lengthOf(given)
    else for (const one of given) bytes += 4 + name.length + lengthOf(one)
  }
  return bytes
}

// n.b. a broker that says so may have written it all the same
const ambiguous: ReadonlySet<unknown> = new Set(['REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'UNKNOWN'])

// What kafkajs would have sent again, had it been told to.
const passing = (cause: unknown): boolean => (cause as Partial<Error>).name === 'KafkaJSNumberOfRetriesExceeded'

export interface Sending {
  readonly name: string
  readonly random: Random
  readonly pause: (ms: number) => Promise<void>
  /** Resolves when there is a connection; rejects once there will be none. */
  readonly ready: () => Promise<void>
  readonly send: Send
  /** Records of a topic were refused because it is not there, or has other partitions. */
  readonly stale: (topic: string) => void
}

export const outbox = ({ name, random, pause, ready, send, stale }: Sending): Outbox => {
  const lanes = new Map<string, Lane>()
  const idlers: Array<() => void> = []
  let waiting = 0
  let waitingBytes = 0
  let busy = 0
  let closed = false

  const end = (parcel: Parcel, result: Failing | undefined): void => {
    if (parcel.gone) return
    parcel.gone = true
    parcel.done(result)
  }
  const leave = ({ bytes }: Parcel): void => {
    waiting -= 1
    waitingBytes -= bytes
  }

  const batch = ({ queue }: Lane): ReadonlyArray<Parcel> => {
    const taken: Array<Parcel> = []
    const bytes = new Map<number, number>()
    for (let next = queue.first(); next !== undefined && taken.length < maxRecords; next = queue.first()) {
      const { partition } = next
      const sum = (bytes.get(partition) ?? 0) + next.bytes
      if (sum > maxBatchBytes && bytes.has(partition)) break
      bytes.set(partition, sum)
      queue.shift()
      leave(next)
      taken.push(next)
    }
    return taken
  }

  const failed = (topic: string, cause: unknown, rest: ReadonlyArray<Parcel>): Failing => {
    const type = typeOf(cause)
    // n.b. of several partitions one may have been refused, and another one written
    const alone = rest.every(({ partition }) => partition === rest[0]?.partition)
    if (type !== undefined && tooLarge.has(type)) return failing({ _tag: 'MessageTooLarge', limitBytes: maxBatchBytes })
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
      stale(topic)
      // n.b. the next attempt finds out whether it is gone for good, or is to be made again
      return failing(
        transportFailed(name, `the topic ${topic} does not exist`, cause),
        alone ? 'no' : 'maybe',
        lookAgainMs,
      )
    }
    const error: CallFailure = connectError(name, `cannot write to ${topic}`, cause) as CallFailure
    if (error._tag === 'Unauthorized') return failing(error)
    // An error of the program, not of the network.
    if (/^(Type|Range|Reference|Syntax)Error$/.test(String((cause as Partial<Error>).name)))
      return failing(transportFailed(name, reasonOf(cause), cause), 'maybe')
    return disconnected(!(alone && type !== undefined && !ambiguous.has(type)))
  }

  // n.b. kafkajs itself tries nothing again: it would write a request twice whose first answer was lost
  const deliver = async (to: Destination, parcels: ReadonlyArray<Parcel>): Promise<void> => {
    const { topic, acks, once = false } = to
    let rest = parcels
    let again = resends
    let retryMs = firstRetryMs
    for (let tries = 0; ;) {
      let receipts: ReadonlyArray<Receipt>
      try {
        receipts = await send(topic, acks, rest)
      } catch (cause) {
        // One that is too large fails all that go with it.
        if (rest.length > 1 && tooLarge.has(typeOf(cause))) for (const one of rest) await deliver(to, [one])
        else if (!once && !closed && passing(cause) && tries < retries) {
          tries += 1
          await pause(retryMs)
          retryMs = Math.min(2 * retryMs, lastRetryMs)
          continue
        } else {
          const result = failed(topic, cause, rest)
          for (const one of rest) end(one, result)
        }
        return
      }
      // n.b. kafkajs resolves though a partition is missing from what it returns: most likely those records were never written
      const covered = new Set(
        receipts.filter((one) => one.topicName === topic && one.errorCode === 0).map(({ partition }) => partition),
      )
      const missing = rest.filter(({ partition }) => !covered.has(partition))
      for (const one of rest) if (covered.has(one.partition)) end(one, undefined)
      if (missing.length === 0) return
      if (once || again === 0) {
        for (const one of missing) end(one, disconnected(true))
        return
      }
      again -= 1
      rest = missing
    }
  }

  const run = async (to: Destination, lane: Lane): Promise<void> => {
    busy += 1
    while (lane.queue.size() > 0) {
      // n.b. before they are taken: what waits for a connection has certainly not left
      await ready().catch(() => undefined)
      const parcels = batch(lane)
      lane.sticky = random()
      lane.stuck = 0
      await deliver(to, parcels)
    }
    lane.busy = false
    lanes.delete(to.topic)
    busy -= 1
    if (busy === 0) for (const resolve of idlers.splice(0)) resolve()
  }

  return {
    put: (to, record, done) => {
      const { topic, partitions } = to
      const bytes = bytesOf(record)
      if (closed) {
        done(failing({ _tag: 'Closed' }))
        return () => 'no'
      }
      if (waiting >= maxWaiting || (waiting > 0 && waitingBytes + bytes > maxWaitingBytes)) {
        done(failing({ _tag: 'Overloaded', limit: maxWaiting }, 'no', overloadedMs))
        return () => 'no'
      }
      const lane = lanes.get(topic) ?? { queue: line(), sticky: random(), stuck: 0, busy: false }
      lanes.set(topic, lane)
      if (to.partition === undefined && record.key === null && lane.stuck++ === mostStuck) {
        lane.sticky = random()
        lane.stuck = 1
      }
      const partition =
        to.partition ??
        (record.key === null ? Math.floor(lane.sticky * partitions) : partitionOf(record.key, partitions))
      const { key, value, headers } = record
      const parcel: Parcel = { key, value, headers, partition, bytes, done, gone: false }
      waiting += 1
      waitingBytes += bytes
      const quit = lane.queue.push(parcel)
      if (!lane.busy) {
        lane.busy = true
        setImmediate(() => void run(to, lane))
      }
      return () => {
        if (parcel.gone) return 'maybe'
        parcel.gone = true
        const before = lane.queue.size()
        quit()
        if (lane.queue.size() === before) return 'maybe'
        leave(parcel)
        return 'no'
      }
    },
    idle: () =>
      lanes.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            idlers.push(resolve)
          }),
    close: () => {
      closed = true
      for (const { queue } of lanes.values())
        for (const one of queue.extract(() => true)) {
          leave(one)
          end(one, failing({ _tag: 'Closed' }))
        }
    },
  }
}
