/** From a call's arguments to a message, or to what is wrong with them; nothing here does I/O. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { compileCodec } from '../core/codec/compile.js'
import type { EventContract, Kept, MessageContract } from '../core/endpoint.js'
import { headerIssues, noHeaders } from '../core/envelope.js'
import type { CallFailure, Issue } from '../core/error.js'
import { canonical, isWildcard, type Pattern } from '../core/pattern.js'
import { exceeds, type Serde } from '../core/serde.js'
import type { Outgoing } from '../transport/transport.js'
import { headersOf, optionIssues, timeoutOf, type SendOptions } from './options.js'

type AnyContract = EventContract<Pattern, never> | MessageContract<Pattern, never, unknown, unknown>

/** Where a call goes and how it is encoded: worked out once for each contract and text pattern. */
export interface Route {
  readonly pattern: Either<CallFailure, string>
  readonly payload: Kept<unknown> | undefined
  readonly key: ((payload: never) => string) | undefined
  readonly reply: Kept<unknown> | undefined
  readonly failure: Kept<unknown> | undefined
}

const isContract = (to: unknown): to is AnyContract =>
  typeof to === 'object' &&
  to !== null &&
  '_tag' in to &&
  (to._tag === 'EventContract' || to._tag === 'MessageContract') &&
  'payload' in to

const refused = (...issues: ReadonlyArray<Issue>): CallFailure => ({ _tag: 'InvalidPayload', issues })

const destination = (pattern: unknown): Either<CallFailure, string> => {
  const form = canonical(pattern)
  if (E.isLeft(form)) return E.left(refused({ path: 'pattern', expected: `a usable pattern: ${form.left}` }))
  return isWildcard(form.right)
    ? E.left(refused({ path: 'pattern', expected: 'a pattern without wildcards: only handlers listen on * and #' }))
    : form
}

const routeOf = (to: unknown): Route => {
  if (!isContract(to))
    return { pattern: destination(to), payload: undefined, key: undefined, reply: undefined, failure: undefined }
  const message = to._tag === 'MessageContract' ? to : undefined
  return {
    pattern: destination(to.pattern),
    payload: compileCodec<Kept<unknown>>(to.payload),
    key: to._tag === 'EventContract' ? to.key : undefined,
    reply: message?.reply && compileCodec(message.reply),
    failure: message?.failure && compileCodec(message.failure),
  }
}

/** Remembers routes: of text patterns up to 1,000, of contracts and object patterns as long as they live. */
export const routes = (): ((to: unknown) => Route) => {
  const byText = new Map<unknown, Route>()
  const byObject = new WeakMap<object, Route>()
  return (to) => {
    const isObject = typeof to === 'object' && to !== null
    const known = isObject ? byObject.get(to) : byText.get(to)
    if (known !== undefined) return known
    const route = routeOf(to)
    if (isObject && isContract(to)) byObject.set(to, route)
    else if (!isObject) {
      if (byText.size >= 1_000) byText.clear()
      byText.set(to, route)
    }
    return route
  }
}

export type Reply = NonNullable<Route['reply']>

/**
 * Compiles a codec that is given with a call when it comes again: of one that is made for its call, compiling would cost
 * more than it saves.
 */
export const compiledOnReturn = (): ((codec: Reply) => Reply) => {
  const known = new WeakMap<Reply, Reply>()
  return (codec) => {
    const before = known.get(codec)
    if (before !== undefined && before !== codec) return before
    const kept = before === undefined ? codec : compileCodec(codec)
    known.set(codec, kept)
    return kept
  }
}

/** What encoding needs beside the call. */
export interface Encoding {
  readonly serde: Serde
  readonly maxMessageBytes: number
  /** Makes the id of a message that must have one. */
  readonly freshId: () => string
}

/** The message of one run of a call. Encoding, size, headers and pattern are checked before any I/O. */
export const outgoing = (
  route: Route,
  payload: unknown,
  options: SendOptions,
  kind: 'request' | 'publish',
  now: number,
  { serde, maxMessageBytes, freshId }: Encoding,
): Either<CallFailure, Outgoing> => {
  if (route.pattern._tag === 'Left') return route.pattern
  const wrong = optionIssues(options)
  if (wrong.length > 0) return E.left(refused(...wrong))
  let body: ReturnType<Serde['serialize']>
  let key = options.key
  try {
    body = serde.serialize(route.payload === undefined ? payload : route.payload.encode(payload as never))
  } catch {
    return E.left(refused({ path: '', expected: 'a value that its codec can encode' }))
  }
  try {
    key ??= route.key?.(payload as never)
  } catch {
    return E.left(refused({ path: 'key', expected: 'a value that its contract can make a key of' }))
  }
  if (key !== undefined && typeof key !== 'string') return E.left(refused({ path: 'key', expected: 'text' }))
  if (body._tag === 'Left') return E.left(refused(...body.left))
  if (exceeds(body.right, maxMessageBytes)) return E.left({ _tag: 'MessageTooLarge', limitBytes: maxMessageBytes })
  const headers = headersOf(options) ?? noHeaders
  if (headers !== noHeaders) {
    const issues = headerIssues(headers)
    if (issues.length > 0) return E.left(refused(...issues))
  }
  const idempotent = options.idempotent === true
  return E.right({
    pattern: route.pattern.right,
    body: body.right,
    contentType: serde.contentType,
    headers,
    messageId: options.messageId ?? (kind === 'publish' || idempotent ? freshId() : undefined),
    correlationId: options.from?.correlationId,
    causationId: options.from?.messageId,
    key,
    timeoutMs: timeoutOf(options, now),
    idempotent,
    mandatory: options.mandatory === true,
  })
}
