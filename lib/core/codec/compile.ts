/** A codec made fast: decoded and encoded by code that is made of it once, with the results and the errors of io-ts. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { planOf } from './analyse.js'
import { closures } from './closures.js'
import { isCompiled, marked } from './compiled.js'
import { encoder, type Encode } from './encoders.js'
import { encodingOf } from './encoding.js'
import { generated } from './generate.js'
import { hasStockDecode } from './stock.js'
import { failed, gaveUp, type Run } from './result.js'
import { traitsOf } from './traits.js'

/** What can be compiled: any `t.Type`, and what an endpoint keeps of one. */
export interface Compilable extends t.Decoder<never, unknown> {
  readonly encode: (a: never) => unknown
}

/** Which code is made of a codec: `generated` falls back to closures where the process may not generate code. */
export type BackEnd = 'generated' | 'closures'

interface Decoding {
  readonly run: Run
  /** Whether the run looks at the context. */
  readonly contextual: boolean
}

const falling: Decoding = { run: () => gaveUp, contextual: false }

const decodingOf = (codec: t.Any, backEnd: BackEnd): Decoding => {
  const plan = planOf(codec)
  if (plan._tag === 'Opaque') return falling
  const traits = traitsOf(plan)
  const closureOf = closures(traits)
  const run =
    backEnd === 'closures'
      ? closureOf(plan)
      : E.getOrElse(() => closureOf(plan))(E.tryCatch(() => generated(plan, traits, closureOf), E.toError))
  return { run, contextual: traits.contextual.has(plan) }
}

// A codec that cannot even be looked at, or that is too deep for the stack, stays what it is.
const orElse = <A>(otherwise: A, make: () => A): A => E.getOrElse(() => otherwise)(E.tryCatch(make, E.toError))

const lazy = <A>(make: () => A): (() => A) => {
  let made: A | undefined
  return () => (made ??= make())
}

export const compileWith =
  (backEnd: BackEnd) =>
  <C extends Compilable>(given: C): C => {
    const codec = given as unknown as t.Any
    if (isCompiled(codec)) return given
    const decoding = lazy(() => orElse(falling, () => decodingOf(codec, backEnd)))
    const encoding = lazy(() => orElse<Encode>((value) => codec.encode(value), () => encoder(encodingOf(codec)))) // prettier-ignore
    const stockDecode = hasStockDecode(codec)

    const validate = (value: unknown, context: t.Context): t.Validation<unknown> => {
      const result = decoding().run(value, context)
      return result === failed || result === gaveUp ? codec.validate(value, context) : t.success(result)
    }
    const decode = (value: unknown): t.Validation<unknown> => {
      const { run, contextual } = decoding()
      const result = run(value, contextual ? [{ key: '', type: codec, actual: value }] : [])
      return result === failed || result === gaveUp ? codec.decode(value) : t.success(result)
    }
    const encode = codec.encode === t.identity ? t.identity : (value: unknown): unknown => encoding()(value)

    const property = (value: unknown): PropertyDescriptor => ({ value, enumerable: true, configurable: true })
    return Object.create(Object.getPrototypeOf(codec) as object, {
      ...Object.getOwnPropertyDescriptors(codec),
      validate: property(validate),
      decode: property(stockDecode ? decode : codec.decode),
      encode: property(encode),
      ...marked({ codec, validate, encode }),
    }) as C
  }

/**
 * The same codec, faster: it decodes and encodes by code that is made of it at its first use. Results, references and
 * errors are those of io-ts; what is unknown, such as a codec with a `validate` of its own, runs as it is, and a value
 * that is refused is decoded once more by io-ts, for its errors.
 *
 * Endpoints and clients do this to their codecs by themselves.
 */
export const compileCodec: <C extends Compilable>(codec: C) => C = compileWith('generated')
