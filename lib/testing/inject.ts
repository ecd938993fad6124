/** Runs a service in process: the interpreter for unit tests. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { resultOf } from '../client/reply.js'
import { makeContext, type Context } from '../core/context.js'
import { runnable, type Runnable } from '../core/dispatch.js'
import type { AnyEndpoint } from '../core/endpoint.js'
import { decodeFailure, encodeFailure } from '../core/envelope.js'
import type { Issue } from '../core/error.js'
import type { Outcome } from '../core/outcome.js'
import { canonical, isWildcard, router, type Pattern } from '../core/pattern.js'
import { render } from '../core/render.js'
import { json, type Serde } from '../core/serde.js'
import type { Service } from '../core/service.js'
import type { Settlement } from '../core/settlement.js'
import { resolveEndpoints, shown } from '../core/validate.js'
import { defects } from '../runtime/defects.js'
import { environment } from '../runtime/environment.js'
import type { Transport } from '../transport/transport.js'
import { fixtureContext } from '../core/fixture.js'
import type { DispatchError, Inject } from './inject-types.js'

export interface InjectOptions {
  /** Fields of the handlers' context, over those of `fixtureContext`. */
  readonly context?: Partial<Context> & object
  /** Takes a line for each defect. Default: none is logged. */
  readonly log?: (line: string) => void
}

type Failed = DispatchError<unknown>
type Result = Either<Failed, unknown>

const bytes = new TextEncoder()
const toBytes = (body: string | Uint8Array): Uint8Array => (typeof body === 'string' ? bytes.encode(body) : body)
const refused = (issues: ReadonlyArray<Issue>): Result => E.left({ _tag: 'InvalidPayload', issues })

// What an event's outcome is called when nobody retries and nothing is settled.
const eventResult = (outcome: Outcome): Result => {
  switch (outcome._tag) {
    case 'Done':
      return E.right(undefined)
    case 'Failed':
      return E.left({ _tag: 'HandlerFailed', error: outcome.error })
    case 'Invalid':
      return refused(outcome.issues)
    case 'Defect':
      return E.left({ _tag: 'Internal', errorId: outcome.errorId })
    case 'TimedOut':
      return E.left({ _tag: 'TimeoutError', afterMs: outcome.afterMs, waitingFor: 'handler' })
  }
}

const readReply = (serde: Serde, endpoint: AnyEndpoint, settlement: Settlement): Result => {
  if (settlement._tag === 'Fail') {
    const { code, body } = encodeFailure(settlement.failure)
    return E.left((decodeFailure(code, bytes.encode(body)) ?? settlement.failure) as Failed)
  }
  if (settlement._tag !== 'Reply' || endpoint._tag !== 'OnMessage') return E.right(undefined)
  const { status, body } = settlement
  return resultOf(endpoint, serde, { _tag: 'Reply', status, body: toBytes(body) }) as Result
}

/**
 * Runs a service in process, through the same decoding, middleware, handlers and encoding as `listen`, and without
 * transport, retries or time limits.
 * @throws an Error that lists the mistakes when the definition is invalid
 */
export const inject = <X extends AnyEndpoint>(
  service: Service<Transport, X>,
  options: InjectOptions = {},
): Inject<X> => {
  const resolved = resolveEndpoints(service)
  if (E.isLeft(resolved)) throw new Error(render({ _tag: 'InvalidDefinition', errors: resolved.left }))
  const serde = service.options.serde ?? json
  const { random, log } = environment(service.name, { log: options.log ?? false })
  const surroundings = { serde, middleware: service.middleware, defect: defects(random, log) }
  const find = router(resolved.right.map((one) => ({ pattern: one.pattern, value: runnable(one, surroundings) })))

  const context = (pattern: string): Context => makeContext({ ...fixtureFields(), pattern, ...options.context })

  const outcomeOf = (one: Runnable, pattern: string, body: Uint8Array): Promise<Outcome> =>
    new Promise((resolve) => {
      one.start(one.decode(body), context(pattern), resolve)
    })

  const encoded = (endpoint: AnyEndpoint, payload: unknown, raw: boolean): Either<Failed, Uint8Array> => {
    try {
      const body = serde.serialize(raw ? payload : endpoint.payload.encode(payload as never))
      return body._tag === 'Left' ? (refused(body.left) as Either<Failed, never>) : E.right(toBytes(body.right))
    } catch {
      return refused([{ path: '', expected: 'a value that its codec can encode' }]) as Either<Failed, never>
    }
  }

  const runOne = async (one: Runnable, pattern: string, payload: unknown, raw: boolean): Promise<Result> => {
    const { endpoint } = one.resolved
    const body = encoded(endpoint, payload, raw)
    if (E.isLeft(body)) return body
    const outcome = await outcomeOf(one, pattern, body.right)
    if (endpoint._tag === 'OnEvent') return eventResult(outcome)
    return outcome._tag === 'Failed' && endpoint.failure === undefined
      ? E.left({ _tag: 'HandlerFailed', error: outcome.error })
      : readReply(serde, endpoint, one.answer(outcome, Number.POSITIVE_INFINITY))
  }

  const run =
    (kind: 'OnEvent' | 'OnMessage' | undefined, raw: boolean) =>
    (pattern: Pattern) =>
    (payload: unknown): TaskEither<Failed, unknown> =>
    async () => {
      const form = canonical(pattern)
      if (E.isRight(form) && isWildcard(form.right))
        return E.left({ _tag: 'InvalidPayload', issues: [{ path: 'pattern', expected: 'without wildcards' }] })
      const found = E.isLeft(form) ? [] : find(form.right)
      const chosen = found.filter(({ resolved: { endpoint } }) => kind === undefined || endpoint._tag === kind)
      const name = shown(pattern)
      const [only] = chosen
      if (only === undefined) return E.left({ _tag: 'NoHandler', pattern: name })
      if (only.resolved.endpoint._tag === 'OnMessage') return runOne(only, name, payload, raw)
      const results = await Promise.all(chosen.map((one) => runOne(one, name, payload, raw)))
      const failures = results.flatMap((result) => (E.isLeft(result) ? [result.left] : []))
      const [first] = failures
      return first === undefined ? E.right(undefined) : E.left({ ...first, failures })
    }

  // The one cast: each pattern's types are worked out by Inject, and the values are the same for all.
  return {
    emit: run('OnEvent', false),
    send: run('OnMessage', false),
    raw: run(undefined, true),
  } as unknown as Inject<X>
}

const fixtureFields = (): Omit<Context, 'signal'> => {
  const { signal: _, ...fields } = fixtureContext()
  return fields
}
