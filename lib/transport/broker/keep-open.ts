/** Keeps a connection to a broker open: opens it, and opens it again whenever it is lost, until it is closed. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { ReplaySubject, type Observable } from 'rxjs'
import type { ConnectError } from '../../core/error.js'
import { line } from '../../core/line.js'
import { fullJitter } from '../../core/retry.js'
import type { Environment, Status } from '../transport.js'
import { render } from '../../core/render.js'
import { transportFailed } from './failing.js'

export interface KeptOpen<out A> {
  /** What is open now. */
  readonly current: () => A | undefined
  /**
   * Runs once something is open, at once where it is; `never` is told when nothing ever will be. The result gives up
   * waiting; harmless afterwards.
   */
  readonly whenOpen: (run: (open: A) => void, never: (error: ConnectError) => void) => () => void
  /** How the attempt that is under way ends, or that it is open: an unreachable broker is a Left at once. */
  readonly attempt: TaskEither<ConnectError, A>
  /** Waits until it is open, however long that takes; a Left only for what no further attempt can mend. */
  readonly opened: TaskEither<ConnectError, A>
  /** The latest first; completes after `closed`. */
  readonly status$: Observable<Status>
  /** Ends it. Idempotent. */
  readonly close: () => Promise<void>
}

/** How to open and to close. */
export interface Opening<A> {
  /** Never rejects. `lost` may be called once what was opened is of no use any more; never before it resolves. */
  readonly open: (lost: (why: string) => void) => Promise<Either<ConnectError, A>>
  readonly close: (open: A) => Promise<unknown>
  /** What is kept open, for the log: `redis: the reading connection`. */
  readonly what: string
  /** The longest wait before another attempt, in milliseconds; default 5,000. */
  readonly longestMs?: number
}

/**
 * Reconnecting waits at most so long, in milliseconds, and starts from the beginning once it was open for so long. n.b. a call
 * has 10 s by default: it must not fail only because a broker that is there again has not been looked for.
 */
const firstMs = 100
const defaultLongestMs = 5_000
const settledMs = 1_000
/** What only people can mend is tried at least so seldom. */
const refusedMs = 30_000

const fatal: ReadonlySet<ConnectError['_tag']> = new Set<ConnectError['_tag']>([
  'DriverMissing',
  'TopicMissing',
  'TopologyMismatch',
  'Unauthorized',
])

/** Begins at once. Full jitter from 100 ms to 5 s between attempts; fatal errors end it before it was ever open. */
export const keepOpen = <A>(
  { clock, random, log }: Pick<Environment, 'clock' | 'random' | 'log'>,
  name: string,
  { open, close, what, longestMs = defaultLongestMs }: Opening<A>,
): KeptOpen<A> => {
  const status$ = new ReplaySubject<Status>(1)
  const waiting = line<{ readonly run: (open: A) => void; readonly never: (error: ConnectError) => void }>()
  const attempts = new Set<(result: Either<ConnectError, A>) => void>()
  const ends = new Set<(result: Either<ConnectError, A>) => void>()
  let current: A | undefined
  let failed: ConnectError | undefined
  let ended: ConnectError | undefined
  let tries = 0
  let said = ''
  let everOpen = false
  let forget: (() => void) | undefined
  let closing: Promise<void> | undefined
  let underWay: Promise<void> = Promise.resolve()
  status$.next('connecting')

  const tell = (to: Set<(result: Either<ConnectError, A>) => void>, result: Either<ConnectError, A>): void => {
    const all = [...to]
    to.clear()
    for (const one of all) one(result)
  }
  const end = (error: ConnectError): void => {
    ended ??= error
    tell(attempts, E.left(error))
    tell(ends, E.left(error))
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next.never(error)
  }
  const begin = (): void => {
    forget = undefined
    let lostAlready = false
    let opened: A | undefined
    let openedAt = 0
    const lost = (why: string): void => {
      if (lostAlready || closing !== undefined) return
      lostAlready = true
      if (opened === undefined || current !== opened) return
      const gone = opened
      current = undefined
      if (clock.now() - openedAt >= settledMs) tries = 0
      log(`${what} was lost: ${why}`)
      status$.next('lost')
      void Promise.resolve(gone)
        .then(close)
        .catch(() => undefined)
      later()
    }
    const attempt = async (): Promise<void> => {
      const result = await open(lost).catch((cause: unknown) =>
        E.left<ConnectError>(transportFailed(name, `${what} cannot be opened`, cause)),
      )
      if (closing !== undefined) {
        if (E.isRight(result)) await close(result.right).catch(() => undefined)
        return
      }
      if (E.isLeft(result)) {
        failed = result.left
        if (!everOpen && fatal.has(result.left._tag)) {
          end(result.left)
          return
        }
        // n.b. not the first time, which passes where a broker is starting; and once for as long as the reason is the same
        const why = render(result.left)
        if (tries > 0 && why !== said) log(`${what} cannot be opened: ${why}`)
        if (tries > 0) said = why
        tell(attempts, result)
        later(fatal.has(result.left._tag) ? refusedMs : longestMs)
        return
      }
      opened = result.right
      if (lostAlready) {
        void Promise.resolve(opened)
          .then(close)
          .catch(() => undefined)
        later()
        return
      }
      current = opened
      openedAt = clock.now()
      everOpen = true
      failed = undefined
      said = ''
      status$.next('ready')
      tell(attempts, result)
      tell(ends, result)
      // n.b. one that waits may lose the connection again
      while (current === opened) {
        const next = waiting.shift()
        if (next === undefined) break
        next.run(opened)
      }
    }
    underWay = attempt()
  }
  const later = (mostMs = longestMs): void => {
    const wait = firstMs / 2 + fullJitter(firstMs, mostMs, tries, random())
    tries += 1
    forget = clock.after(wait, begin)
  }
  begin()

  const hear = (to: Set<(result: Either<ConnectError, A>) => void>): Promise<Either<ConnectError, A>> =>
    current !== undefined
      ? Promise.resolve(E.right(current))
      : ended !== undefined
        ? Promise.resolve(E.left(ended))
        : new Promise((resolve) => {
            to.add(resolve)
          })
  const shut = async (): Promise<void> => {
    forget?.()
    const gone = current
    current = undefined
    end(transportFailed(name, 'the connection is closed'))
    await underWay
    if (gone !== undefined) await close(gone).catch(() => undefined)
    status$.next('closed')
    status$.complete()
  }
  return {
    current: () => current,
    whenOpen: (run, never) => {
      if (current === undefined && ended === undefined) return waiting.push({ run, never })
      if (current !== undefined) run(current)
      else if (ended !== undefined) never(ended)
      return () => undefined
    },
    attempt: () =>
      current === undefined && failed !== undefined && forget !== undefined
        ? Promise.resolve(E.left(failed))
        : hear(attempts),
    opened: () => hear(ends),
    status$: status$.asObservable(),
    close: () => (closing ??= shut()),
  }
}

/** Of several that are kept open for one connection: ready when all are, lost when one is. */
export const together = (all: ReadonlyArray<Status>): Status =>
  all.includes('closed')
    ? 'closed'
    : all.includes('lost')
      ? 'lost'
      : all.includes('connecting')
        ? 'connecting'
        : 'ready'
