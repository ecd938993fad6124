/** Which transports keep the dead letters of a service, and what its endpoints make of them. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { runnable, type Decoded, type Runnable } from '../core/dispatch.js'
import type { DefinitionError, StartError } from '../core/error.js'
import type { DeadLetter } from '../core/letter.js'
import { isWildcard, router } from '../core/pattern.js'
import { json } from '../core/serde.js'
import type { Service } from '../core/service.js'
import { resolveEndpoints, validate } from '../core/validate.js'
import type { LetterSource, Transport } from '../transport/transport.js'

/** A transport that keeps dead letters, and the endpoints it keeps them for. */
export interface Keeper {
  readonly transport: Transport
  readonly sources: ReadonlyArray<LetterSource>
  /** The payload of a letter as its endpoint's codec reads it now. */
  readonly decode: (letter: DeadLetter) => Decoded
}

const refused = (expected: string): Decoded => E.left([{ path: '', expected }])

const decoder =
  (endpoints: ReadonlyMap<string, Runnable>, maxBytes: number) =>
  ({ endpoint, pattern, body }: DeadLetter): Decoded => {
    const found = endpoints.get(endpoint)
    if (found === undefined) return refused(`an endpoint with the id ${endpoint}`)
    // n.b. where it is one pattern, what is put back to an endpoint by its id is taken to be of that
    const { pattern: listened } = found.resolved
    if (isWildcard(listened) && router([{ pattern: listened, value: true }])(pattern).length === 0)
      return refused(`an event that ${listened} matches`)
    if (body === undefined) return refused('a body: it was too large to be kept')
    return body.length > maxBytes ? refused(`at most ${String(maxBytes)} bytes`) : found.decode(body)
  }

/** Those that are named by their tokens, or all that keep dead letters. */
export const keepersOf = (
  service: Service,
  on: ReadonlyArray<string> | undefined,
): Either<StartError, ReadonlyArray<Keeper>> => {
  const { transports, options } = service
  const resolved = resolveEndpoints(service)
  const nowhere: ReadonlyArray<DefinitionError> =
    on?.length === 0
      ? [{ _tag: 'InvalidOption', option: 'on', expected: 'at least one token', pattern: undefined }]
      : []
  const errors: ReadonlyArray<DefinitionError> = [
    ...validate(service),
    ...nowhere,
    ...(on ?? [])
      .filter((token) => !transports.some(({ name }) => name === token))
      .map((token) => ({ _tag: 'UnknownToken', token, pattern: 'the selection' }) as const),
  ]
  if (errors.length > 0 || E.isLeft(resolved)) return E.left({ _tag: 'InvalidDefinition', errors })
  const keeping = transports.filter(({ capabilities }) => capabilities.deadLetter)
  const meant = on === undefined ? keeping : transports.filter(({ name }) => on.includes(name))
  const lacking = (meant.length === 0 ? transports : meant).find((one) => !keeping.includes(one))
  if (lacking !== undefined)
    return E.left({ _tag: 'Unsupported', transport: lacking.name, capability: 'deadLetter', endpoint: undefined })
  // n.b. nothing is run, so there is no middleware, and what a codec throws is a refusal like any other
  const surroundings = { serde: options.serde ?? json, middleware: [], defect: () => '' }
  return E.right(
    meant.map((transport) => {
      const own = resolved.right.filter(
        ({ endpoint: { _tag, on: bound } }) =>
          _tag === 'OnEvent' && (bound === undefined || bound.includes(transport.name)),
      )
      return {
        transport,
        sources: own.map(({ id, pattern }) => ({ endpoint: id, pattern })),
        decode: decoder(new Map(own.map((one) => [one.id, runnable(one, surroundings)])), transport.maxMessageBytes),
      }
    }),
  )
}
