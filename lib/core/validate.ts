/** Finds every mistake of a definition at once, before anything connects. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { AnyEndpoint } from './endpoint.js'
import type { DefinitionError } from './error.js'
import { canonical, isWildcard, wildcardMistake } from './pattern.js'
import type { Service } from './service.js'

/** An endpoint with its identity settled. */
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

const optionErrors = (
  {
    concurrency,
    timeout,
    id,
  }: {
    readonly concurrency?: number | undefined
    readonly timeout?: number | undefined
    readonly id?: string
  },
  pattern: string | undefined,
): ReadonlyArray<DefinitionError> => {
  const errors: Array<DefinitionError> = []
  const wrong = (option: string, expected: string): void => {
    errors.push({ _tag: 'InvalidOption', option, expected, pattern })
  }
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0))
    wrong('concurrency', 'a whole number from 1')
  if (timeout !== undefined && !positive(timeout)) wrong('timeout', 'milliseconds above 0')
  if (id !== undefined && (id === '' || id.length > 200)) wrong('id', 'text of 1 to 200 characters')
  return errors
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

/** The endpoints of a service with their ids, or every mistake of the definition. Ignores transports: `inject` has none. */
export const resolveEndpoints = (service: Service): Either<ReadonlyArray<DefinitionError>, ReadonlyArray<Resolved>> => {
  const all = resolve(service.endpoints)
  const resolved = all.flatMap((one) => (E.isRight(one) ? [one.right] : []))
  const errors = [
    ...service.mistakes,
    ...optionErrors(service.options, undefined),
    ...all.flatMap((one) => (E.isLeft(one) ? [one.left] : [])),
    ...duplicates(resolved),
    ...service.endpoints.flatMap(({ policy, pattern }) =>
      optionErrors(
        {
          ...policy,
          // An endpoint that inherits a mistake does not make it again.
          ...(policy.concurrency === service.options.concurrency ? { concurrency: undefined } : {}),
          ...(policy.timeout === service.options.timeout ? { timeout: undefined } : {}),
        },
        shown(pattern),
      ),
    ),
  ]
  return errors.length === 0 ? E.right(resolved) : E.left(errors)
}

/** Every mistake of a definition, at once; empty when `listen` would go on to connect. */
export const validate = (service: Service): ReadonlyArray<DefinitionError> => {
  const endpoints = resolveEndpoints(service)
  return [...(E.isLeft(endpoints) ? endpoints.left : []), ...transportErrors(service)]
}
