/** The parts of a codec, none of which can be relied on: anybody can make a codec and give it any tag. */
import * as t from 'io-ts'

interface Parts {
  readonly _tag: string
  readonly type: t.Any
  readonly types: ReadonlyArray<t.Any>
  readonly props: Readonly<Record<string, t.Any>>
  readonly value: unknown
  readonly keys: object
  readonly predicate: (value: unknown) => unknown
  readonly domain: t.Any
  readonly codomain: t.Any
  readonly tag: string
}

/** A codec as a node of a tree. */
export type Node = t.Any & Partial<Parts>

const proto = '__proto__'

/** The members of a `t.type` or a `t.partial`. */
export const propsOf = ({ props }: Node): ReadonlyArray<readonly [string, t.Any]> | undefined => {
  const entries = props === undefined ? [] : Object.entries(props)
  // Assigned to, it changes what an object inherits from.
  return props === undefined || Object.hasOwn(props, proto) ? undefined : entries
}

/** What `t.exact` keeps. */
export const exactNames = (codec: Node): ReadonlySet<string> | undefined => {
  switch (codec._tag) {
    case 'RefinementType':
    case 'ReadonlyType':
      return codec.type === undefined ? undefined : exactNames(codec.type)
    case 'InterfaceType':
    case 'PartialType': {
      const { props } = codec
      return props === undefined || Object.hasOwn(props, proto) ? undefined : new Set(Object.getOwnPropertyNames(props))
    }
    case 'IntersectionType': {
      const all = (codec.types ?? []).map(exactNames)
      return all.every((names) => names !== undefined) ? new Set(all.flatMap((names) => [...names])) : undefined
    }
    default:
      return undefined
  }
}

/** The keys of a record whose domain names them all. */
export const domainKeys = (domain: Node): ReadonlyArray<string> | undefined => {
  switch (domain._tag) {
    case 'LiteralType':
      return typeof domain.value === 'string' && domain.value !== proto ? [domain.value] : undefined
    case 'KeyofType':
      return domain.keys === undefined || Object.hasOwn(domain.keys, proto) ? undefined : Object.keys(domain.keys)
    case 'UnionType': {
      const all = (domain.types ?? []).map(domainKeys)
      return all.every((keys) => keys !== undefined) ? all.flat() : undefined
    }
    default:
      return undefined
  }
}

/** A record with named keys is a strict type to io-ts. */
export const recordAsStrict = ({ domain, codomain }: Node): t.Any | undefined => {
  const keys = domain === undefined ? undefined : domainKeys(domain)
  return keys === undefined || codomain === undefined
    ? undefined
    : t.strict(Object.fromEntries(keys.map((key) => [key, codomain])))
}

/** The literals that name the member of a tagged union: io-ts has `getTags` without declaring it. */
type GetTags = (codec: t.Any) => Readonly<Record<string, ReadonlyArray<unknown> | undefined>>
const { getTags } = t as unknown as { readonly getTags?: GetTags }

// While io-ts makes a recursive codec it takes that for having no tags. In an intersection that hides what it would find later.
const settled = (codec: Node, within: boolean, seen: ReadonlyArray<t.Any> = []): boolean => {
  if (seen.includes(codec)) return true
  const on = [...seen, codec]
  switch (codec._tag) {
    case 'RecursiveType':
      return !within && codec.type !== undefined && settled(codec.type, within, on)
    case 'ExactType':
    case 'RefinementType':
    case 'ReadonlyType':
      return codec.type !== undefined && settled(codec.type, within, on)
    case 'IntersectionType':
      return codec.types?.every((type) => settled(type, true, on)) ?? false
    case 'UnionType':
      return codec.types?.every((type) => settled(type, within, on)) ?? false
    default:
      return true
  }
}

/** The values of the tag for each member of a tagged union. */
export const tagGroups = ({ tag, types }: Node): ReadonlyArray<ReadonlyArray<unknown>> | undefined => {
  if (tag === undefined || types === undefined || getTags === undefined) return undefined
  if (!types.every((type) => settled(type, false))) return undefined
  const groups = types.map((type) => getTags(type)[tag])
  return groups.every((group) => Array.isArray(group)) ? groups : undefined
}
