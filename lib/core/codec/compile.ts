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
import { failed, gaveUp, type Decoding, type Run } from './result.js'
import { traitsOf } from './traits.js'

/** What can be compiled: any `t.Type`, and what an endpoint keeps of one. */
export interface Compilable extends t.Decoder<never, unknown> {
  readonly encode: (a: never) => unknown
}

/** Which code is made of a codec: `generated` falls back to closures where the process may not generate code. */
export type BackEnd = 'generated' | 'closures'

const attempt = <A>(make: () => A, otherwise: () => A): A => E.getOrElse(otherwise)(E.tryCatch(make, E.toError))

const uncompiled = (codec: t.Any): Decoding => ({ accept: () => undefined, decode: (value) => codec.decode(value) })

const nowhere: t.Context = []

const closed = (codec: t.Any, run: Run, contextual: boolean): Decoding => {
  const accept: Decoding['accept'] = (value, context) => {
    const result = run(value, context)
    return result === failed || result === gaveUp ? undefined : t.success(result)
  }
  return {
    accept,
    decode: (value) =>
      accept(value, contextual ? [{ key: '', type: codec, actual: value }] : nowhere) ?? codec.decode(value),
  }
}

const decodingOf = (codec: t.Any, backEnd: BackEnd): Decoding => {
  const plan = planOf(codec)
  if (plan._tag === 'Opaque') return uncompiled(codec)
  const traits = traitsOf(plan)
  const closureOf = closures(traits)
  const close = (): Decoding => closed(codec, closureOf(plan), traits.contextual.has(plan))
  return backEnd === 'closures' ? close() : attempt(() => generated(codec, plan, traits, closureOf), close)
}

export const compileWith =
  (backEnd: BackEnd) =>
  <C extends Compilable>(given: C): C => {
    const codec = given as unknown as t.Any
    // n.b. plain JavaScript may hand over no codec at all, which is found out where it is used
    if (typeof given !== 'object' || given === null || isCompiled(codec)) return given
    let decoding: Decoding | undefined
    let encoding: Encode | undefined
    // A codec that cannot even be looked at, or that is too deep for the stack, stays what it is.
    const decodingOnce = (): Decoding =>
      (decoding ??= attempt(
        () => decodingOf(codec, backEnd),
        () => uncompiled(codec),
      ))
    const encodingOnce = (): Encode =>
      (encoding ??= attempt<Encode>(
        () => encoder(encodingOf(codec)),
        () => (value) => codec.encode(value) as unknown,
      ))

    const validate = (value: unknown, context: t.Context): t.Validation<unknown> =>
      (decoding ?? decodingOnce()).accept(value, context) ?? codec.validate(value, context)
    const decode = (value: unknown): t.Validation<unknown> => (decoding ?? decodingOnce()).decode(value)
    const encode =
      codec.encode === t.identity ? t.identity : (value: unknown): unknown => (encoding ?? encodingOnce())(value)

    const property = (value: unknown): PropertyDescriptor => ({ value, enumerable: true, configurable: true })
    return Object.create(Object.getPrototypeOf(codec) as object, {
      ...Object.getOwnPropertyDescriptors(codec),
      validate: property(validate),
      decode: property(hasStockDecode(codec) ? decode : (value: unknown) => codec.decode(value)),
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
