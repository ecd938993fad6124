/** The endpoints of a contender, each with a codec of its own. */
import * as t from 'io-ts'
import type { Endpoint, Held, Several, Served } from './contender.js'
import { codecOf, type PayloadCodec, unchecked, validated } from './payload.js'

/** Those that skip validation. */
const lax: ReadonlyArray<string> = ['raw', 'taskwire unchecked']

const endpoint = (name: string, contender: string): Endpoint => {
  if (lax.includes(contender)) return { name, codec: t.unknown as unknown as PayloadCodec, check: unchecked }
  const codec = codecOf()
  return { name, codec, check: validated(codec) }
}

export const endpointsOf = (contender: string, count: number): Several<Endpoint> => [
  endpoint('echo', contender),
  ...Array.from({ length: count - 1 }, (_, at) => endpoint(`echo.${at + 1}`, contender)),
]

/** One whose handler does not answer until told. */
export const holding = (contender: string): Endpoint => endpoint('hold', contender)

export const heldEndpoint = (contender: string, held: Held): Served => ({ ...holding(contender), held })
