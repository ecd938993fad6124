/** decode -> handle -> encode, for one endpoint: the one place that runs what users wrote, and catches what it throws. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { Context } from './context.js'
import type { Kept } from './endpoint.js'
import type { Failure, Issue } from './error.js'
import { issuesOf } from './issues.js'
import type { Arrival, Middleware, Outcome } from './outcome.js'
import { exceeds, type Serde } from './serde.js'
import type { Settlement } from './settlement.js'
import type { Resolved } from './validate.js'

/** What running an endpoint needs from outside. */
export interface Surroundings {
  readonly serde: Serde
  /** The middleware of the listening service, outermost first. */
  readonly middleware: ReadonlyArray<Middleware>
  /** Logs a defect and answers the id under which it did. */
  readonly defect: (endpoint: string, cause: unknown) => string
}

/** A payload as it was decoded, or why not. */
export type Decoded = Either<ReadonlyArray<Issue>, unknown>

/** An endpoint made ready to run. */
export interface Runnable {
  readonly resolved: Resolved
  readonly decode: (body: Uint8Array) => Decoded
  /** Runs the middleware and the handler; `done` is called once, and `start` never throws. */
  readonly start: (payload: Decoded, context: Context, done: (outcome: Outcome) => void) => void
  /** The answer to a request whose run ended so. */
  readonly answer: (outcome: Outcome, limitBytes: number) => Settlement
  readonly defect: (cause: unknown) => Outcome
}

const isEither = (value: unknown): value is Either<unknown, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  '_tag' in value &&
  (value._tag === 'Right' ? 'right' in value : value._tag === 'Left' && 'left' in value)

const outcomes: ReadonlySet<unknown> = new Set<Outcome['_tag']>(['Done', 'Failed', 'Invalid', 'Defect', 'TimedOut'])
const isOutcome = (value: unknown): value is Outcome =>
  typeof value === 'object' && value !== null && '_tag' in value && outcomes.has(value._tag)

// An async function in place of a TaskEither has begun already: nobody else would hear of its rejection.
const refused = async (task: unknown): Promise<never> => {
  await task
  throw new TypeError('a handler must return a TaskEither')
}

const outcomeOf = (result: Either<unknown, unknown>): Outcome =>
  result._tag === 'Right' ? { _tag: 'Done', value: result.right } : { _tag: 'Failed', error: result.left }

const fail = (failure: Failure): Settlement => ({ _tag: 'Fail', failure })

/** Makes an endpoint ready to run; everything that is the same for each message is done here. */
export const runnable = (resolved: Resolved, { serde, middleware, defect }: Surroundings): Runnable => {
  const { endpoint, id, pattern } = resolved
  const { reply, failure } = endpoint._tag === 'OnMessage' ? endpoint : { reply: undefined, failure: undefined }
  const defectOf = (cause: unknown): Outcome => ({ _tag: 'Defect', errorId: defect(id, cause), cause })

  const decode = (body: Uint8Array): Decoded => {
    try {
      const value = serde.parse(body)
      if (value._tag === 'Left') return value
      const decoded = endpoint.payload.decode(value.right)
      return decoded._tag === 'Left' ? E.left(issuesOf(decoded.left)) : decoded
    } catch (cause) {
      defect(id, cause)
      return E.left([{ path: '', expected: 'a payload that can be read without an error' }])
    }
  }

  const resultOf = (result: unknown): Outcome => {
    try {
      return isEither(result) ? outcomeOf(result) : defectOf(new TypeError('a handler must return a TaskEither'))
    } catch (cause) {
      return defectOf(cause)
    }
  }

  // Plain callbacks, and one `then` on the handler's own promise: this runs for each message, and a TaskEither operator
  // or a further promise here costs more than everything else in this file.
  const handle = (payload: Decoded, context: Context, done: (outcome: Outcome) => void): void => {
    if (payload._tag === 'Left') {
      done({ _tag: 'Invalid', issues: payload.left })
      return
    }
    let running: Promise<unknown>
    try {
      const task: unknown = endpoint.handler(payload.right as never, context as never)
      running = Promise.resolve(typeof task === 'function' ? (task as Task<unknown>)() : refused(task))
    } catch (cause) {
      done(defectOf(cause))
      return
    }
    running.then(
      (result) => {
        done(resultOf(result))
      },
      (cause: unknown) => {
        done(defectOf(cause))
      },
    )
  }

  const layers = [...middleware, ...endpoint.middleware]
  const wrapped = (payload: Decoded, context: Context, done: (outcome: Outcome) => void): void => {
    const innermost =
      (arrival: Arrival): Task<Outcome> =>
      () =>
        new Promise((resolve) => {
          const inner = payload._tag === 'Left' ? payload : E.right(arrival.payload)
          handle(inner, withSignal(arrival.context, context), resolve)
        })
    const arrival: Arrival = {
      kind: endpoint._tag === 'OnEvent' ? 'event' : 'message',
      endpoint: id,
      pattern,
      origin: endpoint.origin,
      context,
      payload: payload._tag === 'Right' ? payload.right : undefined,
    }
    let running: Promise<unknown>
    try {
      running = Promise.resolve(layers.reduceRight((next, layer) => layer(next), innermost)(arrival)())
    } catch (cause) {
      done(defectOf(cause))
      return
    }
    running.then(
      (outcome) => {
        done(isOutcome(outcome) ? outcome : defectOf(new TypeError('a middleware must answer with an Outcome')))
      },
      (cause: unknown) => {
        done(defectOf(cause))
      },
    )
  }

  const internal = (cause: unknown): Settlement => fail({ _tag: 'Internal', errorId: defect(id, cause) })

  const encoded = (
    status: 'ok' | 'error',
    codec: Kept<unknown> | undefined,
    value: unknown,
    limitBytes: number,
  ): Settlement => {
    const body = serde.serialize(codec === undefined ? value : codec.encode(value as never))
    if (body._tag === 'Left') {
      const expected = body.left[0]?.expected ?? 'a value of the format'
      return internal(new TypeError(`the ${status === 'ok' ? 'reply' : 'failure'} is not ${expected}`))
    }
    return exceeds(body.right, limitBytes)
      ? fail({ _tag: 'MessageTooLarge', limitBytes })
      : { _tag: 'Reply', status, body: body.right }
  }

  // A codec encodes whatever it is given: only what its other side can read was declared.
  const declared = (codec: Kept<unknown>, settlement: Settlement): boolean => {
    if (settlement._tag !== 'Reply') return true
    const { body } = settlement
    const value = serde.parse(typeof body === 'string' ? new TextEncoder().encode(body) : body)
    return value._tag === 'Right' && codec.decode(value.right)._tag === 'Right'
  }

  const answered = (outcome: Outcome, limitBytes: number): Settlement => {
    switch (outcome._tag) {
      case 'Invalid':
        return fail({ _tag: 'InvalidPayload', issues: outcome.issues })
      case 'Defect':
        return fail({ _tag: 'Internal', errorId: outcome.errorId })
      case 'TimedOut':
        return fail({ _tag: 'TimeoutError', afterMs: outcome.afterMs, waitingFor: 'handler' })
      case 'Failed': {
        if (failure === undefined) return internal(undeclared(outcome.error))
        const settlement = encoded('error', failure, outcome.error, limitBytes)
        return declared(failure, settlement) ? settlement : internal(undeclared(outcome.error))
      }
      case 'Done':
        return encoded('ok', reply, outcome.value, limitBytes)
    }
  }
  const answer = (outcome: Outcome, limitBytes: number): Settlement => {
    try {
      return answered(outcome, limitBytes)
    } catch (cause) {
      return internal(cause)
    }
  }

  return { resolved, decode, start: layers.length === 0 ? handle : wrapped, answer, defect: defectOf }
}

// For the log. An Error speaks for itself; of anything else the tag only, since the rest may hold anything.
const undeclared = (error: unknown): unknown => {
  if (typeof error === 'object' && error !== null && 'stack' in error) return error
  const tag = typeof error === 'object' && error !== null ? (error as { readonly _tag?: unknown })._tag : undefined
  const name = typeof tag === 'string' ? `'${tag}'` : typeof error === 'object' ? 'an object' : `a ${typeof error}`
  return { message: `the handler failed with ${name}, which no failure codec declares` }
}

// A middleware that passes on a spread copy of the context has dropped the lazy signal: give it back.
const withSignal = (copy: Context, original: Context): Context =>
  copy === original || 'signal' in copy
    ? copy
    : (Object.defineProperty({ ...(copy as object) }, 'signal', {
        get: () => original.signal,
        enumerable: true,
      }) as Context)
