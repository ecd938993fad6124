/**
 * Which nodes behave as io-ts made them. A tag proves nothing: a copy of a codec with a `validate` or an `encode` of its
 * own keeps it. So both are compared with those of codecs made here: by identity where io-ts shares the function,
 * and by source where it makes one per codec.
 */
import * as t from 'io-ts'
import type { Kind } from './plan.js'

const other = new t.Type<string>('other', t.string.is, t.string.validate, (text) => text)
const literal = t.literal('a')
const keyof = t.keyof({ a: null })
const tagged = t.union([t.type({ a: t.literal('a'), b: other }), t.type({ a: t.literal('b') })])
const numbers = t.record(t.string, t.number)

/** What io-ts makes a `validate` or an `encode` of. */
export type Form =
  | 'literal'
  | 'keyof'
  | 'refinement'
  | 'array'
  | 'tuple'
  | 'type'
  | 'partial'
  | 'record'
  | 'recordOfOthers'
  | 'exact'
  | 'union'
  | 'tagged'
  | 'intersection'
  | 'recursion'

type Sources = ReadonlyMap<string, Form>

// Where functions do not print their source, all sources are the same: nothing can be told apart, and all is opaque.
const sourcesOf = (made: Readonly<Partial<Record<Form, (...args: never) => unknown>>>): Sources => {
  const entries = Object.entries(made).map(([form, made]) => [String(made), form as Form] as const)
  const sources = new Map(entries)
  return sources.size === entries.length ? sources : new Map()
}

const validates = sourcesOf({
  literal: literal.validate,
  keyof: keyof.validate,
  refinement: t.Int.validate,
  array: t.array(t.string).validate,
  tuple: t.tuple([t.string]).validate,
  type: t.type({}).validate,
  partial: t.partial({}).validate,
  record: numbers.validate,
  exact: t.strict({}).validate,
  union: t.union([t.string, t.number]).validate,
  tagged: tagged.validate,
  intersection: t.intersection([t.type({}), t.type({})]).validate,
  recursion: t.recursion<string>('', () => t.string).validate,
})

const encodes = sourcesOf({
  array: t.array(other).encode,
  tuple: t.tuple([other]).encode,
  type: t.type({ a: other }).encode,
  partial: t.partial({ a: other }).encode,
  record: numbers.encode,
  recordOfOthers: t.record(t.string, other).encode,
  exact: t.strict({}).encode,
  union: t.union([t.number, other]).encode,
  tagged: tagged.encode,
  intersection: t.intersection([t.type({}), t.type({})]).encode,
  recursion: t.recursion<string>('', () => t.string).encode,
})

const kinds: ReadonlyMap<unknown, Kind> = new Map<unknown, Kind>([
  [t.success, 'anything'],
  [t.any.validate, 'anything'],
  [t.unknown.validate, 'anything'],
  [t.never.validate, 'nothing'],
  [t.string.validate, 'string'],
  [t.number.validate, 'number'],
  [t.boolean.validate, 'boolean'],
  [t.bigint.validate, 'bigint'],
  [t.Function.validate, 'function'],
  [t.undefined.validate, 'undefined'],
  [t.null.validate, 'null'],
  [t.UnknownArray.validate, 'array'],
  [t.UnknownRecord.validate, 'record'],
])

/** The leaf that a `validate` is of. */
export const kindOf = ({ validate }: t.Any): Kind | undefined => kinds.get(validate)

const formIn = (sources: Sources, made: unknown): Form | undefined =>
  typeof made === 'function' ? sources.get(String(made)) : undefined

export const validateForm = ({ validate }: t.Any): Form | undefined => formIn(validates, validate)
export const encodeForm = ({ encode }: t.Any): Form | undefined => formIn(encodes, encode)

const decodeSource = ({ decode }: { readonly decode: unknown }): string => String(decode)

/** Whether `decode` is the method of io-ts, which calls `validate`. */
export const hasStockDecode = (codec: t.Any): boolean => decodeSource(codec) === decodeSource(t.string)
