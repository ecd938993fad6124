/** Dead letters: events that could not be handled, as they lie until somebody puts them back or drops them. */
import type { Headers } from './context.js'
import type { Reason } from './settlement.js'

/** An event that was set aside, and why. */
export interface DeadLetter {
  /** That of the event; a redrive keeps it. */
  readonly messageId: string
  /** The id of the endpoint that gave it up. */
  readonly endpoint: string
  /** The pattern that the event was sent to; where a foreign program cut that off, the one its endpoint listens on. */
  readonly pattern: string
  /** Why, after how many starts, and when. `message` names the places that did not decode, never a value. */
  readonly reason: Reason
  /** The bytes as they came; `undefined` where the event was too large to be kept: look for it at its `source`. */
  readonly body: Uint8Array | undefined
  /** The user's headers. */
  readonly headers: Headers
  readonly correlationId: string
  /** The ordering key. */
  readonly key: string | undefined
  /** Where the event was first: topic/partition/offset, queue, stream/entry; empty in memory. */
  readonly source: string
  /** The consumer group that gave it up: the name of the service. */
  readonly service: string
  /** The process that did. */
  readonly instance: string
  /** When it was set aside, in Unix milliseconds. */
  readonly time: number
  /** How often it had been put back before. */
  readonly replays: number
}

/**
 * What becomes of a dead letter: it stays, is dropped, or goes back to its endpoint as attempt 1. `stop`: it stays, and so do
 * all that come after it, which are not asked for.
 */
export type LetterVerdict = 'keep' | 'drop' | 'redrive' | 'stop'

/** How many dead letters were put back, and how many were dropped. */
export interface Swept {
  readonly redriven: number
  readonly dropped: number
}
