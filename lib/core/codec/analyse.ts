/** From a codec to the plan of its decoding. What is not known to be as io-ts made it becomes opaque. */
import type * as t from 'io-ts'
import { validating } from './compiled.js'
import { exactNames, propsOf, recordAsStrict, tagGroups, type Node } from './node.js'
import type { Member, Plan } from './plan.js'
import { kindOf, validateForm } from './stock.js'

type Visit = (codec: t.Any) => Plan

/** `undefined`: nothing is known. */
const recognised = (node: Node, visit: Visit): Plan | undefined => {
  const member = (key: string, codec: t.Any): Member => ({ key, codec, plan: visit(codec) })
  const numbered = node.types?.map((codec, index) => member(String(index), codec))
  const form = validateForm(node)
  switch (node._tag) {
    case 'LiteralType':
      return form === 'literal' ? { _tag: 'Literal', value: node.value } : undefined
    case 'KeyofType':
      return form === 'keyof' && node.keys !== undefined
        ? { _tag: 'Keyof', names: new Set(Object.getOwnPropertyNames(node.keys)) }
        : undefined
    case 'RefinementType':
      return form === 'refinement' && node.type !== undefined && node.predicate !== undefined
        ? { _tag: 'Refined', of: visit(node.type), predicate: node.predicate }
        : undefined
    case 'ReadonlyType':
      return node.type !== undefined && node.validate === node.type.validate ? visit(node.type) : undefined
    case 'ArrayType':
    case 'ReadonlyArrayType':
      return form === 'array' && node.type !== undefined ? { _tag: 'List', item: member('', node.type) } : undefined
    case 'TupleType':
      return form === 'tuple' && numbered !== undefined ? { _tag: 'Tuple', members: numbered } : undefined
    case 'InterfaceType':
    case 'PartialType': {
      const partial = node._tag === 'PartialType'
      const props = form === (partial ? 'partial' : 'type') ? propsOf(node) : undefined
      return props && { _tag: 'Fields', partial, members: props.map(([key, codec]) => member(key, codec)) }
    }
    case 'DictionaryType': {
      if (form === 'exact') {
        const strict = recordAsStrict(node)
        return strict && visit(strict)
      }
      if (form !== 'record' || node.domain === undefined || node.codomain === undefined) return undefined
      const domain = member('', node.domain)
      const codomain = member('', node.codomain)
      const all = domain.plan._tag === 'Leaf' && domain.plan.kind === 'string'
      const arrays = (node.codomain as Node)._tag === 'AnyType'
      return { _tag: 'Dictionary', domain: all ? undefined : domain, codomain, arrays }
    }
    case 'ExactType': {
      const names = form === 'exact' && node.type !== undefined ? exactNames(node.type) : undefined
      return names && node.type && { _tag: 'Stripped', of: visit(node.type), names }
    }
    case 'UnionType': {
      if (numbered === undefined) return undefined
      if (form === 'union') return { _tag: 'Union', members: numbered }
      const groups = form === 'tagged' ? tagGroups(node) : undefined
      return groups && { _tag: 'Tagged', tag: node.tag ?? '', groups, members: numbered }
    }
    case 'IntersectionType':
      return form === 'intersection' && numbered !== undefined ? { _tag: 'Merged', members: numbered } : undefined
    case 'RecursiveType':
      // n.b. its definition may be under way, so it is not looked at yet
      return form === 'recursion' && 'type' in node
        ? { _tag: 'Recursive', of: () => visit(node.type as t.Any) }
        : undefined
    default:
      return undefined
  }
}

const planNode = (node: Node, visit: Visit): Plan => {
  const kind = kindOf(node)
  return kind === undefined ? (recognised(node, visit) ?? { _tag: 'Opaque', codec: node }) : { _tag: 'Leaf', kind }
}

/** Codecs that occur more than once have one plan. */
export const planOf = (root: t.Any): Plan => {
  const known = new Map<t.Any, Plan>()
  const visit = (given: t.Any): Plan => {
    const codec = validating(given)
    const before = known.get(codec)
    if (before !== undefined) return before
    // For a codec that contains itself without `t.recursion`.
    known.set(codec, { _tag: 'Opaque', codec })
    const plan = planNode(codec, visit)
    known.set(codec, plan)
    return plan
  }
  return visit(root)
}
