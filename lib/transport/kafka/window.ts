/**
 * The records of one partition that were taken and are not all done: a window. Each endpoint that hears them has a lane in
 * it. What is handed out and what comes back may be in any order; the position that is committed is the end of what is done
 * without a gap.
 */
import type { Clock } from '../../core/clock.js'
import { line, type Line } from '../../core/line.js'
import type { Fields } from '../broker/attributes.js'
import type { KafkaMessage } from 'kafkajs'

/** A record that was taken. */
export interface Entry {
  /** n.b. a number: 2^53 records of a partition are out of reach. */
  readonly offset: number
  readonly message: KafkaMessage
  readonly fields: Fields
  readonly key: string | undefined
  readonly bytes: number
  readonly window: Window
  /** Endpoints that are not done with it. */
  pending: number
}

/** A record for one endpoint. */
export interface Item {
  readonly entry: Entry
  readonly lane: Lane
  /** The number of its next start. */
  attempt: number
  firstFailedAt: number | undefined
  /** It has the lane of its key. */
  leads: boolean
}

/** An endpoint's part of a window. */
export interface Lane {
  readonly endpoint: number
  readonly window: Window
  readonly queue: Line<Item>
  /** Keys of which one item is out or waits for its retry; behind it those that came later. */
  readonly keys: Map<string, Line<Item> | undefined>
  /** What keeps it from handing out anything new. */
  holds: number
}

export interface Window {
  readonly topic: string
  readonly partition: number
  readonly entries: Line<Entry>
  readonly lanes: Map<number, Lane>
  /** The first offset that was not taken. */
  next: number
  /** Everything before is done. */
  done: number
  /** What the broker was told. */
  committed: number
  bytes: number
  /** kafkajs was told to fetch nothing of it. */
  paused: boolean
  /** Another member has the partition now. */
  lost: boolean
  /** Waits for room. */
  wake: (() => void) | undefined
}

/** One text for each partition. */
export const placeOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}/${String(partition)}`

export const emptyWindow = (topic: string, partition: number, offset: number): Window => ({
  topic,
  partition,
  entries: line(),
  lanes: new Map(),
  next: offset,
  done: offset,
  committed: offset,
  bytes: 0,
  paused: false,
  lost: false,
  wake: undefined,
})

/** The lane of an endpoint. */
export const laneOf = (window: Window, endpoint: number): Lane => {
  const found = window.lanes.get(endpoint)
  if (found !== undefined) return found
  const lane: Lane = { endpoint, window, queue: line(), keys: new Map(), holds: 0 }
  window.lanes.set(endpoint, lane)
  return lane
}

/** The next item that may be handed out; later ones of a key wait behind the one that is out. */
export const nextOf = ({ queue, keys, holds }: Lane): Item | undefined => {
  for (let item = queue.first(); item !== undefined; item = queue.first()) {
    // n.b. one that leads comes back from its retry or was given back: a hold is for what is new
    if (item.leads) return queue.shift()
    if (holds > 0) return undefined
    const { key } = item.entry
    queue.shift()
    if (key === undefined) return item
    const behind = keys.get(key)
    if (!keys.has(key)) {
      keys.set(key, undefined)
      item.leads = true
      return item
    }
    const waiting = behind ?? line<Item>()
    waiting.push(item)
    keys.set(key, waiting)
  }
  return undefined
}

/** It comes again, before everything else. */
export const putBack = (item: Item): void => {
  item.leads = true
  item.lane.queue.unshift(item)
}

/** Everything before is done, as far as that goes without a gap. */
const advance = (window: Window): void => {
  for (let first = window.entries.first(); first?.pending === 0; first = window.entries.first()) {
    window.entries.shift()
    window.bytes -= first.bytes
    window.done = first.offset + 1
  }
}

/** An endpoint is done with a record. */
export const finish = ({ entry, lane, leads }: Item): void => {
  entry.pending -= 1
  if (leads && entry.key !== undefined) {
    const next = lane.keys.get(entry.key)?.shift()
    if (next === undefined) lane.keys.delete(entry.key)
    else {
      // n.b. it has the lane of the key already, and its place is before what came later
      next.leads = true
      lane.queue.unshift(next)
    }
  }
  if (entry.pending === 0) advance(entry.window)
}

/** Resolves when something has changed, or so many milliseconds later. */
export const woken = (window: Window, clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      forget()
      window.wake = undefined
      resolve()
    }
    const forget = clock.after(ms, end)
    window.wake = end
  })
