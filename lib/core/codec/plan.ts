/** What decoding with a codec comes to, as data: the one analysis from which both the generated code and the closures are made. */
import type * as t from 'io-ts'

/** What a value is asked at a leaf. */
export type Kind =
  | 'anything'
  | 'nothing'
  | 'string'
  | 'number'
  | 'boolean'
  | 'bigint'
  | 'function'
  | 'undefined'
  | 'null'
  | 'array'
  | 'record'

/** A member, and what io-ts puts into the context of an error on the way to it. */
export interface Member {
  readonly key: string
  readonly codec: t.Any
  readonly plan: Plan
}

export interface Fields {
  readonly _tag: 'Fields'
  readonly members: ReadonlyArray<Member>
  /** A member that fails on `undefined` is let through. */
  readonly partial: boolean
}

export interface Tagged {
  readonly _tag: 'Tagged'
  readonly tag: string
  /** The values of the tag that choose each member. */
  readonly groups: ReadonlyArray<ReadonlyArray<unknown>>
  readonly members: ReadonlyArray<Member>
}

export interface Dictionary {
  readonly _tag: 'Dictionary'
  /** `undefined`: every key is kept. */
  readonly domain: Member | undefined
  readonly codomain: Member
  /** n.b. io-ts lets arrays through a record of `t.any`. */
  readonly arrays: boolean
}

export interface Stripped {
  readonly _tag: 'Stripped'
  readonly of: Plan
  readonly names: ReadonlySet<string>
}

export type Plan =
  | { readonly _tag: 'Leaf'; readonly kind: Kind }
  | { readonly _tag: 'Literal'; readonly value: unknown }
  | { readonly _tag: 'Keyof'; readonly names: ReadonlySet<string> }
  | { readonly _tag: 'Refined'; readonly of: Plan; readonly predicate: (value: unknown) => unknown }
  | { readonly _tag: 'List'; readonly item: Member }
  | { readonly _tag: 'Tuple'; readonly members: ReadonlyArray<Member> }
  | Fields
  | Dictionary
  | Stripped
  | { readonly _tag: 'Union'; readonly members: ReadonlyArray<Member> }
  | Tagged
  | { readonly _tag: 'Merged'; readonly members: ReadonlyArray<Member> }
  | { readonly _tag: 'Recursive'; readonly of: () => Plan }
  /** Its own `validate` is called: nothing is known about it. */
  | { readonly _tag: 'Opaque'; readonly codec: t.Any }

export const children = (plan: Plan): ReadonlyArray<Plan> => {
  switch (plan._tag) {
    case 'Leaf':
    case 'Literal':
    case 'Keyof':
    case 'Opaque':
      return []
    case 'Refined':
    case 'Stripped':
      return [plan.of]
    case 'Recursive':
      return [plan.of()]
    case 'List':
      return [plan.item.plan]
    case 'Dictionary':
      return [...(plan.domain === undefined ? [] : [plan.domain.plan]), plan.codomain.plan]
    case 'Tuple':
    case 'Fields':
    case 'Union':
    case 'Tagged':
    case 'Merged':
      return plan.members.map((member) => member.plan)
  }
}
