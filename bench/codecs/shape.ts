/** The shape of a payload, written once, and what each contender makes of it. */
import * as t from 'io-ts'

export type Shape =
  | 'string'
  | 'number'
  | 'boolean'
  | { readonly oneOf: ReadonlyArray<string> }
  | { readonly nullable: Shape }
  | { readonly list: Shape }
  | { readonly record: Shape }
  | { readonly fields: Readonly<Record<string, Shape>>; readonly optional?: Readonly<Record<string, Shape>> }
  /** The key of the tag, and the fields that go with each of its values. */
  | { readonly tag: string; readonly cases: Readonly<Record<string, Readonly<Record<string, Shape>>>> }

/** `type` keeps properties that were not declared, `exact` removes them. */
export type Kind = 'type' | 'exact'

const mapped = <A>(shapes: Readonly<Record<string, Shape>>, of: (shape: Shape) => A): Record<string, A> =>
  Object.fromEntries(Object.entries(shapes).map(([key, shape]) => [key, of(shape)]))

export const ioTs = (kind: Kind): ((shape: Shape) => t.Any) => {
  const close = <C extends t.HasProps>(codec: C): t.Any => (kind === 'exact' ? t.exact(codec) : codec)
  const of = (shape: Shape): t.Any => {
    if (typeof shape === 'string') return { string: t.string, number: t.number, boolean: t.boolean }[shape]
    if ('oneOf' in shape) return t.keyof(Object.fromEntries(shape.oneOf.map((one) => [one, null])))
    if ('nullable' in shape) return t.union([of(shape.nullable), t.null])
    if ('list' in shape) return t.array(of(shape.list))
    if ('record' in shape) return t.record(t.string, of(shape.record))
    if ('cases' in shape) {
      const cases = Object.entries(shape.cases)
      const codecs = cases.map(([tag, fields]) => close(t.type({ [shape.tag]: t.literal(tag), ...mapped(fields, of) })))
      return t.union(codecs as [t.Any, t.Any])
    }
    const required = t.type(mapped(shape.fields, of))
    return shape.optional === undefined
      ? close(required)
      : close(t.intersection([required, t.partial(mapped(shape.optional, of))]))
  }
  return of
}
