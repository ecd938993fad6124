/** What encoding with a codec comes to, as data. */
import * as t from 'io-ts'
import { encoding } from './compiled.js'
import { exactNames, propsOf, recordAsStrict, tagGroups, type Node } from './node.js'
import { encodeForm } from './stock.js'

/** A member, and the codec that io-ts would ask. */
export interface Part {
  readonly key: string
  readonly codec: t.Any
  readonly encoding: Encoding
}

export type Encoding =
  /** Answers with its input. */
  | { readonly _tag: 'Identity' }
  | { readonly _tag: 'Listed'; readonly codec: t.Any; readonly item: Part }
  | { readonly _tag: 'Tupled'; readonly codec: t.Any; readonly parts: ReadonlyArray<Part> }
  /** A copy with these members encoded; `partial`: those that are there. */
  | { readonly _tag: 'Copied'; readonly codec: t.Any; readonly parts: ReadonlyArray<Part>; readonly partial: boolean }
  | { readonly _tag: 'Entries'; readonly codec: t.Any; readonly item: Part }
  | {
      readonly _tag: 'Stripped'
      readonly codec: t.Any
      readonly of: Encoding
      readonly names: ReadonlySet<string>
    }
  | { readonly _tag: 'First'; readonly codec: t.Any; readonly parts: ReadonlyArray<Part> }
  | {
      readonly _tag: 'Chosen'
      readonly codec: t.Any
      readonly tag: string
      readonly groups: ReadonlyArray<ReadonlyArray<unknown>>
      readonly parts: ReadonlyArray<Part>
    }
  | { readonly _tag: 'Merged'; readonly codec: t.Any; readonly parts: ReadonlyArray<Part> }
  | { readonly _tag: 'Recursive'; readonly of: () => Encoding }
  /** Its own `encode` is called: nothing is known about it. */
  | { readonly _tag: 'Opaque'; readonly codec: t.Any }

type Visit = (codec: t.Any) => Encoding

/** `undefined`: nothing is known. */
const recognised = (node: Node, visit: Visit): Encoding | undefined => {
  const part = (key: string, codec: t.Any): Part => ({ key, codec, encoding: visit(codec) })
  const numbered = node.types?.map((codec, index) => part(String(index), codec))
  const form = encodeForm(node)
  switch (node._tag) {
    case 'RefinementType':
    case 'ReadonlyType':
      return node.type !== undefined && node.encode === node.type.encode ? visit(node.type) : undefined
    case 'ArrayType':
    case 'ReadonlyArrayType':
      return form === 'array' && node.type !== undefined
        ? { _tag: 'Listed', codec: node, item: part('', node.type) }
        : undefined
    case 'TupleType':
      return form === 'tuple' && numbered !== undefined ? { _tag: 'Tupled', codec: node, parts: numbered } : undefined
    case 'InterfaceType':
    case 'PartialType': {
      const partial = node._tag === 'PartialType'
      const parts =
        form === (partial ? 'partial' : 'type') ? propsOf(node)?.map(([key, codec]) => part(key, codec)) : undefined
      return parts && { _tag: 'Copied', codec: node, partial, parts }
    }
    case 'DictionaryType': {
      if (form === 'exact') {
        const strict = recordAsStrict(node)
        return strict && visit(strict)
      }
      // n.b. with any other domain io-ts drops the keys that are not of it
      if (node.domain?.is !== t.string.is || node.domain.encode !== t.identity || node.codomain === undefined) return
      const item = part('', node.codomain)
      return form === 'record' || form === 'recordOfOthers' ? { _tag: 'Entries', codec: node, item } : undefined
    }
    case 'ExactType': {
      const names = form === 'exact' && node.type !== undefined ? exactNames(node.type) : undefined
      return names && node.type && { _tag: 'Stripped', codec: node, of: visit(node.type), names }
    }
    case 'UnionType': {
      if (numbered === undefined) return undefined
      if (form === 'union') return { _tag: 'First', codec: node, parts: numbered }
      const groups = form === 'tagged' ? tagGroups(node) : undefined
      return groups && { _tag: 'Chosen', codec: node, tag: node.tag ?? '', groups, parts: numbered }
    }
    case 'IntersectionType':
      return form === 'intersection' && numbered !== undefined
        ? { _tag: 'Merged', codec: node, parts: numbered }
        : undefined
    case 'RecursiveType':
      return form === 'recursion' && 'type' in node
        ? { _tag: 'Recursive', of: () => visit(node.type as t.Any) }
        : undefined
    default:
      return undefined
  }
}

/** Codecs that occur more than once have one encoding. */
export const encodingOf = (root: t.Any): Encoding => {
  const known = new Map<t.Any, Encoding>()
  const visit = (given: t.Any): Encoding => {
    if (given.encode === t.identity) return { _tag: 'Identity' }
    const codec = encoding(given)
    const before = known.get(codec)
    if (before !== undefined) return before
    // For a codec that contains itself without `t.recursion`.
    known.set(codec, { _tag: 'Opaque', codec })
    const made = recognised(codec, visit) ?? { _tag: 'Opaque', codec }
    known.set(codec, made)
    return made
  }
  return visit(root)
}
