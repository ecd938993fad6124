/** What `deadLetters` takes and gives. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { AnyEndpoint, OnEvent } from '../core/endpoint.js'
import type { Issue, StartError } from '../core/error.js'
import type { DeadLetter } from '../core/letter.js'
import type { Pattern } from '../core/pattern.js'

/** The type of the pattern that a letter was sent to. An object pattern is in its canonical form, and what a wildcard matched is any text. */
export type SentTo<P extends Pattern> = P extends string
  ? P extends `${string}${'*' | '#'}${string}`
    ? string
    : P
  : string

/** A dead letter of a service. A comparison of `pattern` narrows `payload`. */
export type LetterOf<E extends AnyEndpoint, N extends string = string> =
  E extends OnEvent<infer P, infer A>
    ? Omit<DeadLetter, 'pattern'> & {
        /** The token of the transport that keeps it. */
        readonly name: N
        readonly pattern: SentTo<P>
        /** The payload as the service's codec reads it now, or why it would be refused again. */
        readonly payload: Either<ReadonlyArray<Issue>, A>
      }
    : never

/** Which dead letters are meant; all of them by default. */
export interface LetterSelection<E extends AnyEndpoint = AnyEndpoint, N extends string = string> {
  /** The tokens of the transports to look at. Default: all that keep dead letters. */
  readonly on?: ReadonlyArray<N>
  /** Default: each. */
  readonly where?: (letter: LetterOf<E, N>) => boolean
  /** How many at most, the oldest of each place first. Default: 100 for `list`, else no limit. */
  readonly limit?: number
}

/** The same for what changes something. */
export interface LetterSweep<E extends AnyEndpoint = AnyEndpoint, N extends string = string> extends LetterSelection<
  E,
  N
> {
  /** Only says what would be done. */
  readonly dryRun?: boolean
}

/** A dead letter that was selected and would come back at once. */
export interface RefusedLetter {
  /** The token of the transport. */
  readonly name: string
  readonly messageId: string
  readonly endpoint: string
  /** What the codec refuses; or that the endpoint, or the body, is not there, or the body too large. */
  readonly issues: ReadonlyArray<Issue>
}

/** How a redrive went; of a dry run, how it would go. */
export interface RedriveReport {
  /** Put back. */
  readonly redriven: number
  /** Selected, and kept, because they would come back at once. */
  readonly refused: number
  /** The first 20 of those. */
  readonly refusals: ReadonlyArray<RefusedLetter>
  /** Looked at, and not selected. */
  readonly kept: number
}

/** How a purge went; of a dry run, how it would go. */
export interface PurgeReport {
  /** Dropped. */
  readonly purged: number
  /** Looked at, and not selected. */
  readonly kept: number
}

/**
 * The dead letters of a service, on every transport that keeps them. Each run opens a connection, and closes it. A Left says
 * why it ended early; what was done before stays done, and it can be run again.
 */
export interface DeadLetters<E extends AnyEndpoint = AnyEndpoint, N extends string = string> {
  /** Those that are meant, the oldest of each place first; nothing is changed. */
  readonly list: (selection?: LetterSelection<E, N>) => TaskEither<StartError, ReadonlyArray<LetterOf<E, N>>>
  /**
   * Puts them back to the endpoint that gave them up, and to no other, with their message ids, as attempt 1. What would come
   * back at once is kept: its payload does not decode, its endpoint is gone, its body is not there or too large.
   */
  readonly redrive: (sweep?: LetterSweep<E, N>) => TaskEither<StartError, RedriveReport>
  /** Drops them for good: `purge({})` drops all. */
  readonly purge: (sweep: LetterSweep<E, N>) => TaskEither<StartError, PurgeReport>
}
