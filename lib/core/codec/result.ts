/** What comes of a plan that is run: the decoded value, or one of these. */
import type * as t from 'io-ts'

/** Not a value of this codec; a union goes on to its next member. */
export const failed = Symbol('failed')

/** The value is one that only io-ts treats as io-ts does, whatever else the codec says of it. */
export const gaveUp = Symbol('gave up')

/** A plan made runnable. The context is for opaque codecs, and left out where there are none. */
export type Run = (value: unknown, context: t.Context) => unknown

/** What is made of a codec. */
export interface Decoding {
  /** What io-ts would answer, or `undefined`: ask it. */
  readonly accept: (value: unknown, context: t.Context) => t.Validation<unknown> | undefined
  /** n.b. its own function where there can be one, so that V8 fits it to the one codec */
  readonly decode: (value: unknown) => t.Validation<unknown>
}
