/** How a compiled codec is told from others, so that a codec made of compiled ones is compiled as one. */
import type * as t from 'io-ts'

// Registered by its name, since there may be an ESM and a CommonJS copy of this file.
const key = Symbol.for('taskwire/compiled')

interface Origin {
  readonly codec: t.Any
  readonly validate: t.Any['validate']
  readonly encode: t.Any['encode']
}

type Marked = t.Any & { readonly [key]?: Origin }

export const marked = (origin: Origin): PropertyDescriptorMap => ({ [key]: { value: origin } })

/** The codec whose `validate` this one runs: its own, unless it was compiled and left as it was. */
export const validating = (codec: Marked): t.Any => {
  const origin = codec[key]
  return origin !== undefined && origin.validate === codec.validate ? origin.codec : codec
}

/** The same for `encode`. */
export const encoding = (codec: Marked): t.Any => {
  const origin = codec[key]
  return origin !== undefined && origin.encode === codec.encode ? origin.codec : codec
}

export const isCompiled = (codec: t.Any): boolean => validating(codec) !== codec && encoding(codec) !== codec
