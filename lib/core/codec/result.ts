/** What comes of a plan that is run: the decoded value, or one of these. */
import type * as t from 'io-ts'

/** Not a value of this codec; a union goes on to its next member. */
export const failed = Symbol('failed')

/** The value is one that only io-ts treats as io-ts does, whatever else the codec says of it. */
export const gaveUp = Symbol('gave up')

/** A plan made runnable. The context is for opaque codecs, and left out where there are none. */
export type Run = (value: unknown, context: t.Context) => unknown
