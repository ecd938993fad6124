/** What the peers make of a shape: a function that answers whether a value is right. JavaScript, since they are installed for the benchmark alone. */
import { Type as T } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Ajv } from 'ajv'
import { z } from 'zod'

const mapped = (shapes, of) => Object.fromEntries(Object.entries(shapes ?? {}).map(([key, shape]) => [key, of(shape)]))

/** JSON Schema as one writes it for ajv: `enum`, and a discriminator instead of trying each case. */
const jsonSchema = (exact) => {
  const object = (required, optional) => ({
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    ...(exact ? { additionalProperties: false } : {}),
  })
  const of = (shape) => {
    if (typeof shape === 'string') return { type: shape }
    if ('oneOf' in shape) return { type: 'string', enum: shape.oneOf }
    if ('nullable' in shape) return { ...of(shape.nullable), nullable: true }
    if ('list' in shape) return { type: 'array', items: of(shape.list) }
    if ('record' in shape) return { type: 'object', additionalProperties: of(shape.record) }
    if ('cases' in shape)
      return {
        type: 'object',
        required: [shape.tag],
        discriminator: { propertyName: shape.tag },
        oneOf: Object.entries(shape.cases).map(([tag, fields]) =>
          object({ [shape.tag]: { const: tag }, ...mapped(fields, of) }, {}),
        ),
      }
    return object(mapped(shape.fields, of), mapped(shape.optional, of))
  }
  return of
}

export const ajv = (shape, exact) =>
  new Ajv({ discriminator: true, removeAdditional: exact }).compile(jsonSchema(exact)(shape))

/** n.b. for `exact` it refuses further properties: what it compiles removes nothing. */
export const typebox = (shape, exact) => {
  const options = exact ? { additionalProperties: false } : {}
  const leaves = { string: T.String(), number: T.Number(), boolean: T.Boolean() }
  const of = (one) => {
    if (typeof one === 'string') return leaves[one]
    if ('oneOf' in one) return T.Union(one.oneOf.map((text) => T.Literal(text)))
    if ('nullable' in one) return T.Union([of(one.nullable), T.Null()])
    if ('list' in one) return T.Array(of(one.list))
    if ('record' in one) return T.Record(T.String(), of(one.record))
    if ('cases' in one)
      return T.Union(
        Object.entries(one.cases).map(([tag, fields]) =>
          T.Object({ [one.tag]: T.Literal(tag), ...mapped(fields, of) }, options),
        ),
      )
    return T.Object({ ...mapped(one.fields, of), ...mapped(one.optional, (some) => T.Optional(of(some))) }, options)
  }
  const compiled = TypeCompiler.Compile(of(shape))
  return (value) => compiled.Check(value)
}

export const zod = (shape, exact) => {
  const object = exact ? z.object : z.looseObject
  const leaves = { string: z.string(), number: z.number(), boolean: z.boolean() }
  const of = (one) => {
    if (typeof one === 'string') return leaves[one]
    if ('oneOf' in one) return z.enum(one.oneOf)
    if ('nullable' in one) return z.nullable(of(one.nullable))
    if ('list' in one) return z.array(of(one.list))
    if ('record' in one) return z.record(z.string(), of(one.record))
    if ('cases' in one)
      return z.discriminatedUnion(
        one.tag,
        Object.entries(one.cases).map(([tag, fields]) => object({ [one.tag]: z.literal(tag), ...mapped(fields, of) })),
      )
    return object({ ...mapped(one.fields, of), ...mapped(one.optional, (some) => z.optional(of(some))) })
  }
  const schema = of(shape)
  return (value) => schema.safeParse(value).success
}
