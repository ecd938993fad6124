/** Finds every mistake of a definition at once, before anything connects. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { compileCodec } from './codec/compile.js'
import type { DedupeStore } from './dedupe.js'
import type { AnyEndpoint } from './endpoint.js'
import type { DefinitionError } from './error.js'
import { canonical, isWildcard, wildcardMistake } from './pattern.js'
import type { Service } from './service.js'

/** An endpoint with its identity settled and its codecs compiled. */
export interface Resolved {
  readonly endpoint: AnyEndpoint
  /** Canonical pattern. */
  readonly pattern: string
  readonly id: string
}

const kindOf = (endpoint: AnyEndpoint): string => endpoint._tag

/** A pattern as text, whatever it is: a cycle or a bigint must not throw here. */
export const shown = (pattern: unknown): string =>
  E.match(
    () =>
      E.getOrElse(() => `a ${typeof pattern}`)(
        E.tryCatch(
          () => String(JSON.stringify(pattern)).slice(0, 200),
          () => undefined,
        ),
      ),
    (form: string) => form,
  )(canonical(pattern))

const resolve = (endpoints: ReadonlyArray<AnyEndpoint>): ReadonlyArray<Either<DefinitionError, Resolved>> => {
  const seen = new Map<string, number>()
  return endpoints.map((endpoint) => {
    const form = canonical(endpoint.pattern)
    if (E.isLeft(form)) return E.left({ _tag: 'InvalidPattern', pattern: shown(endpoint.pattern), reason: form.left })
    const pattern = form.right
    const reason =
      endpoint._tag === 'OnMessage' && isWildcard(pattern)
        ? 'only events can be matched by * and #'
        : wildcardMistake(pattern)
    if (reason !== undefined) return E.left({ _tag: 'InvalidPattern', pattern, reason })
    const key = `${kindOf(endpoint)} ${pattern}`
    const n = (seen.get(key) ?? 0) + 1
    seen.set(key, n)
    return E.right({ endpoint, pattern, id: endpoint.policy.id ?? (n === 1 ? pattern : `${pattern}#${String(n)}`) })
  })
}

const overlap = (a: ReadonlyArray<string> | undefined, b: ReadonlyArray<string> | undefined): boolean =>
  a === undefined || b === undefined || a.some((token) => b.includes(token))

const duplicates = (all: ReadonlyArray<Resolved>): ReadonlyArray<DefinitionError> => {
  const errors: Array<DefinitionError> = []
  const messages = new Map<string, Array<Resolved>>()
  const ids = new Set<string>()
  const reported = new Set<string>()
  for (const one of all) {
    const { endpoint, pattern, id } = one
    const same = messages.get(pattern) ?? []
    const clash = endpoint._tag === 'OnMessage' && same.some((other) => overlap(other.endpoint.on, endpoint.on))
    if (clash && !reported.has(pattern)) {
      errors.push({ _tag: 'DuplicatePattern', pattern })
      reported.add(pattern)
    }
    if (endpoint._tag === 'OnMessage') messages.set(pattern, [...same, one])
    const key = `${kindOf(endpoint)} ${id}`
    if (ids.has(key) && !clash && !(endpoint._tag === 'OnMessage' && same.length > 0))
      errors.push({ _tag: 'DuplicateEndpoint', id })
    ids.add(key)
  }
  return errors
}

const positive = (value: number): boolean => value > 0 && Number.isFinite(value)

type Wrong = (option: string, expected: string) => void

const numbers = (
  { concurrency, timeout }: Readonly<Record<'concurrency' | 'timeout', number | undefined>>,
  wrong: Wrong,
): void => {
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0))
    wrong('concurrency', 'a whole number from 1')
  if (timeout !== undefined && !positive(timeout)) wrong('timeout', 'milliseconds above 0')
}

const isFunction = (value: unknown): boolean => typeof value === 'function'
const isStore = (value: object): boolean =>
  (['begin', 'complete', 'abandon'] as const).every((name) => isFunction((value as Partial<DedupeStore>)[name]))
const isCodec = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'decode' in value && 'encode' in value

// n.b. the types say all of this; plain JavaScript does not
const parts = ({ policy, on, payload, handler, ...rest }: AnyEndpoint, wrong: Wrong): void => {
  const { id } = policy
  if (id !== undefined && (typeof id !== 'string' || id === '' || id.length > 200))
    wrong('id', 'text of 1 to 200 characters')
  if (on?.length === 0) wrong('on', 'at least one token')
  for (const option of ['retry', 'classify', 'orderingKey'] as const)
    if (policy[option] !== undefined && !isFunction(policy[option])) wrong(option, 'a function')
  const dedupe: unknown = policy.dedupe
  if (dedupe !== undefined && dedupe !== false && !(typeof dedupe === 'object' && dedupe !== null && isStore(dedupe)))
    wrong('dedupe', 'a dedupe store or false')
  if (!isFunction(handler)) wrong('handler', 'a function')
  if (!isCodec(payload)) wrong('codec', 'an io-ts type')
  if (rest._tag !== 'OnMessage') return
  for (const option of ['reply', 'failure'] as const)
    if (rest[option] !== undefined && !isCodec(rest[option])) wrong(option, 'an io-ts type')
}

const optionErrors = (pattern: string | undefined, look: (wrong: Wrong) => void): ReadonlyArray<DefinitionError> => {
  const errors: Array<DefinitionError> = []
  look((option, expected) => {
    errors.push({ _tag: 'InvalidOption', option, expected, pattern })
  })
  return errors
}

// An endpoint that inherits a mistake does not make it again.
const unlessInherited = <A>(own: A, inherited: A): A | undefined => (own === inherited ? undefined : own)

// n.b. services without a name would take each other's messages for their own
const dedupeErrors = ({ name, endpoints }: Service): ReadonlyArray<DefinitionError> => {
  const stores = new Set(endpoints.flatMap(({ policy: { dedupe } }) => (dedupe ? [dedupe] : [])))
  const nameless =
    stores.size > 0 && name === '' ? [{ option: 'dedupe', expected: 'left out of a service without a name' }] : []
  const problems = [...stores].flatMap((store) => store.problems ?? [])
  return [...nameless, ...problems.map(({ option, expected }) => ({ option: `dedupe.${option}`, expected }))].map(
    (wrong) => ({ _tag: 'InvalidOption', ...wrong, pattern: undefined }),
  )
}

const transportErrors = (service: Service): ReadonlyArray<DefinitionError> => {
  const errors: Array<DefinitionError> = []
  const tokens = new Set<string>()
  if (service.transports.length === 0) errors.push({ _tag: 'NoTransport' })
  for (const { name, needsName, problems } of service.transports) {
    if (tokens.has(name)) errors.push({ _tag: 'DuplicateToken', token: name })
    tokens.add(name)
    if (needsName && service.name === '') errors.push({ _tag: 'NameRequired', transport: name })
    for (const { option, expected } of problems)
      errors.push({ _tag: 'InvalidOption', option: `${name}.${option}`, expected, pattern: undefined })
  }
  for (const { on, pattern } of service.endpoints)
    for (const token of on ?? [])
      if (!tokens.has(token)) errors.push({ _tag: 'UnknownToken', token, pattern: shown(pattern) })
  return errors
}

const compiled = (endpoint: AnyEndpoint): AnyEndpoint => {
  const payload = compileCodec(endpoint.payload)
  if (endpoint._tag === 'OnEvent') return { ...endpoint, payload }
  const { reply, failure } = endpoint
  return { ...endpoint, payload, reply: reply && compileCodec(reply), failure: failure && compileCodec(failure) }
}

/** The endpoints of a service with their ids, or every mistake of the definition. Ignores transports: `inject` has none. */
export const resolveEndpoints = (service: Service): Either<ReadonlyArray<DefinitionError>, ReadonlyArray<Resolved>> => {
  const all = resolve(service.endpoints)
  const resolved = all.flatMap((one) => (E.isRight(one) ? [one.right] : []))
  const errors = [
    ...service.mistakes,
    ...optionErrors(undefined, (wrong) => {
      numbers({ concurrency: undefined, timeout: undefined, ...service.options }, wrong)
    }),
    ...all.flatMap((one) => (E.isLeft(one) ? [one.left] : [])),
    ...duplicates(resolved),
    ...service.endpoints.flatMap((endpoint) =>
      optionErrors(shown(endpoint.pattern), (wrong) => {
        const { concurrency, timeout } = endpoint.policy
        numbers(
          {
            concurrency: unlessInherited(concurrency, service.options.concurrency),
            timeout: unlessInherited(timeout, service.options.timeout),
          },
          wrong,
        )
        parts(endpoint, wrong)
      }),
    ),
  ]
  return errors.length === 0
    ? E.right(resolved.map((one) => ({ ...one, endpoint: compiled(one.endpoint) })))
    : E.left(errors)
}

/** Every mistake of a definition, at once; empty when `listen` would go on to connect. */
export const validate = (service: Service): ReadonlyArray<DefinitionError> => {
  const endpoints = resolveEndpoints(service)
  return [...(E.isLeft(endpoints) ? endpoints.left : []), ...transportErrors(service), ...dedupeErrors(service)]
}
