/**
 * A plan as the source of functions, about ten times as fast as closures. The source holds nothing of the user's but
 * the names of properties, as `JSON.stringify` writes them; every value is handed in.
 */
import * as t from 'io-ts'
import { copy, hasOwn, merged, stripped } from './objects.js'
import type { Fields, Kind, Member, Plan, Stripped, Tagged } from './plan.js'
import { failed, gaveUp, type Decoding, type Run } from './result.js'
import type { Traits } from './traits.js'

// What V8 still optimises well, and what a codec can make this process compile at most.
const MEMBERS_INLINE = 128
const NODES_INLINE = 256
const NODES_IN_ALL = 4_000
const NAMES_IN_SWITCH = 16

/** Where a plan is applied: JavaScript for the value, for its context, and for what to do when it fails or gives up. */
interface Place {
  readonly value: string
  readonly context: string
  readonly fail: string
  readonly giveUp: string
}

/** Statements, and JavaScript for the result once they have run. */
interface Code {
  readonly text: string
  readonly result: string
}

const notRecord = (v: string): string => `typeof ${v} !== "object" || ${v} === null || isArray(${v})`

const mismatch = (kind: Kind, v: string): string => {
  switch (kind) {
    case 'anything':
      return 'false'
    case 'nothing':
      return 'true'
    case 'string':
    case 'number':
    case 'boolean':
    case 'bigint':
    case 'function':
      return `typeof ${v} !== "${kind}"`
    case 'undefined':
      return `${v} !== undefined`
    case 'null':
      return `${v} !== null`
    case 'array':
      return `!isArray(${v})`
    case 'record':
      return notRecord(v)
  }
}

const canBeNaN = (kind: Kind): boolean => kind === 'number' || kind === 'anything'

const helpers = { isArray: Array.isArray, keysOf: Object.keys, prototypeOf: Object.getPrototypeOf, plain: Object.prototype, is: Object.is, append: t.appendContext, success: t.success, copy, hasOwn, merged, stripped, failed, gaveUp } // prettier-ignore

/** @throws an EvalError where code generation is forbidden */
export const generated = (codec: t.Any, root: Plan, traits: Traits, closureOf: (plan: Plan) => Run): Decoding => {
  const { changing, undefinable, contextual, size, targets } = traits
  const captured: Array<unknown> = []
  const names = new Map<unknown, string>()
  const functions = new Map<Plan, string>()
  const pending: Array<Plan> = []
  let count = 0
  let nodes = 0

  const fresh = (letter: string): string => `${letter}${count++}`
  const capture = (value: unknown): string => {
    // n.b. a Map takes -0 for 0
    const key = Object.is(value, -0) ? failed : value
    const known = names.get(key)
    if (known !== undefined) return known
    const name = fresh('$')
    names.set(key, name)
    captured.push(value)
    return name
  }

  const call = (plan: Plan, name: string, { value, context, fail, giveUp }: Place): Code => {
    const r = fresh('r')
    const text = `const ${r} = ${name}(${value}, ${context}); if (${r} === gaveUp) ${giveUp} if (${r} === failed) ${fail}`
    return { text, result: changing.has(plan) ? r : value }
  }

  const functionOf = (plan: Plan): string => {
    const before = functions.get(plan)
    if (before !== undefined) return before
    const name = fresh('f')
    functions.set(plan, name)
    pending.push(plan)
    return name
  }

  /** The plan here, or a call of a function of its own. */
  const apply = (plan: Plan, place: Place, siblings: number): Code => {
    const own = size.get(plan) ?? 1
    if (nodes > NODES_IN_ALL) return call(plan, capture(closureOf(plan)), place)
    return targets.has(plan) || (own > 3 && own * siblings > NODES_INLINE)
      ? call(plan, functionOf(plan), place)
      : inline(plan, place)
  }

  const member = ({ key, codec, plan }: Member, place: Place, siblings: number, name?: string): Code => {
    if (!contextual.has(plan)) return apply(plan, place, siblings)
    const c = fresh('c')
    const before = `const ${c} = append(${place.context}, ${name ?? JSON.stringify(key)}, ${capture(codec)}, ${place.value});`
    const { text, result } = apply(plan, { ...place, context: c }, siblings)
    return { text: before + text, result }
  }

  const field = (parent: string, r: string, one: Member, partial: boolean, place: Place, siblings: number): string => {
    const key = JSON.stringify(one.key)
    const v = fresh('v')
    const read = `const ${v} = ${r}[${key}];`
    const store = (value: string): string => `if (${r} === ${parent}) ${r} = copy(${parent}); ${r}[${key}] = ${value};`
    const may = undefinable.has(one.plan)
    if (partial && !may) {
      const { text, result } = member(one, { ...place, value: v }, siblings)
      const changed = result === v ? '' : `if (${result} !== ${v}) { ${store(result)} }`
      return `${read} if (${v} !== undefined) { ${text} ${changed} }`
    }
    const label = fresh('m')
    const fail = partial ? `{ if (${v} === undefined) break ${label}; ${place.fail} }` : place.fail
    const { text, result } = member(one, { ...place, value: v, fail }, siblings)
    const missing = may && !partial ? `${result} === undefined && !hasOwn(${r}, ${key})` : ''
    const differs = result === v ? '' : `${result} !== ${v}`
    const condition = [differs, missing].filter((part) => part !== '').join(' || ')
    const code = `${read} ${text} ${condition === '' ? '' : `if (${condition}) { ${store(result)} }`}`
    return partial ? `${label}: { ${code} }` : code
  }

  const fields = (plan: Fields, place: Place): Code => {
    const { value, fail } = place
    const changes = changing.has(plan)
    const r = changes ? fresh('r') : value
    const { length } = plan.members
    const all = plan.members.map((one) => field(value, r, one, plan.partial, place, length))
    const start = `if (${notRecord(value)}) ${fail} ${changes ? `let ${r} = ${value};` : ''}`
    return { text: [start, ...all].join('\n'), result: r }
  }

  const strip = ({ of, names }: Stripped, place: Place): Code => {
    const checked = of._tag === 'Fields' ? '' : `if (${notRecord(place.value)}) ${place.fail}`
    const inner = apply(of, place, 1)
    const [r, k, label] = [fresh('r'), fresh('k'), fresh('s')]
    const slow = `${r} = stripped(${r}, ${capture(names)});`
    const cases = [...names].map((name) => `case ${JSON.stringify(name)}:`).join(' ')
    const known =
      names.size > NAMES_IN_SWITCH
        ? `if (!${capture(names)}.has(${k})) { ${slow} break ${label}; }`
        : `switch (${k}) { ${cases} ${names.size === 0 ? '' : 'break;'} default: ${slow} break ${label}; }`
    const loop = `${label}: if (prototypeOf(${r}) !== plain) ${slow} else for (const ${k} in ${r}) { ${known} }`
    return { text: `${checked} ${inner.text} let ${r} = ${inner.result};\n${loop}`, result: r }
  }

  const list = (item: Member, place: Place): Code => {
    const { value, fail } = place
    const [i, n, v] = [fresh('i'), fresh('n'), fresh('v')]
    const { text, result } = member(item, { ...place, value: v }, 1, `String(${i})`)
    const r = result === v ? value : fresh('r')
    const store =
      result === v
        ? ''
        : `if (${result} !== ${v}) { if (${r} === ${value}) ${r} = ${value}.slice(); ${r}[${i}] = ${result}; }`
    const start = `if (!isArray(${value})) ${fail} ${r === value ? '' : `let ${r} = ${value};`}`
    const loop = `for (let ${i} = 0, ${n} = ${value}.length; ${i} < ${n}; ${i}++) { const ${v} = ${value}[${i}]; ${text} ${store} }`
    return { text: `${start} ${loop}`, result: r }
  }

  const tuple = (members: ReadonlyArray<Member>, place: Place): Code => {
    const { value, fail } = place
    const r = fresh('r')
    const { length } = members
    const all = members.map((one, i) => {
      const v = fresh('v')
      const { text, result } = member(one, { ...place, value: v }, length)
      const store =
        result === v
          ? ''
          : `if (${result} !== ${v}) { if (${r} === ${value}) ${r} = ${value}.slice(); ${r}[${i}] = ${result}; }`
      return `const ${v} = ${value}[${i}]; ${text} ${store}`
    })
    const start = `if (!isArray(${value})) ${fail} let ${r} = ${value}.length > ${length} ? ${value}.slice(0, ${length}) : ${value};`
    return { text: [start, ...all].join('\n'), result: r }
  }

  const dictionary = (codomain: Member, arrays: boolean, place: Place): Code => {
    const { value, fail } = place
    const [keys, i, k, v] = [fresh('k'), fresh('i'), fresh('k'), fresh('v')]
    const { text } = member(codomain, { ...place, value: v }, 1, k)
    const loop = `const ${keys} = keysOf(${value}); for (let ${i} = 0; ${i} < ${keys}.length; ${i}++) { const ${k} = ${keys}[${i}], ${v} = ${value}[${k}]; ${text} }`
    const otherwise = arrays ? `if (!isArray(${value})) ${fail}` : fail
    return { text: `if (${notRecord(value)}) { ${otherwise} } else { ${loop} }`, result: value }
  }

  /** One of several, each in a block that is left where it fails. */
  const attempt = (one: Member, place: Place, r: string, done: string, siblings: number): string => {
    const label = fresh('m')
    const { text, result } = member(one, { ...place, fail: `break ${label};` }, siblings)
    return `${label}: { ${text} ${r === place.value ? '' : `${r} = ${result};`} break ${done}; }`
  }

  const union = (plan: Plan, members: ReadonlyArray<Member>, place: Place): Code => {
    const done = fresh('u')
    const r = changing.has(plan) ? fresh('r') : place.value
    const all = members.map((one) => attempt(one, place, r, done, members.length))
    const start = r === place.value ? '' : `let ${r};`
    return { text: `${start} ${done}: { ${all.join('\n')} ${place.fail} }`, result: r }
  }

  const tagged = (plan: Tagged, place: Place): Code => {
    const { value, fail } = place
    const [tag, done] = [fresh('t'), fresh('u')]
    const r = changing.has(plan) ? fresh('r') : value
    const all = plan.members.map((one, i) => {
      const chosen = (plan.groups[i] ?? []).map((literal) => `${tag} === ${capture(literal)}`).join(' || ')
      const { text, result } = member(one, place, plan.members.length)
      return `if (${chosen === '' ? 'false' : chosen}) { ${text} ${r === value ? '' : `${r} = ${result};`} break ${done}; }`
    })
    const start = `if (${notRecord(value)}) ${fail} ${r === value ? '' : `let ${r};`}`
    const text = `${start} ${done}: { const ${tag} = ${value}[${JSON.stringify(plan.tag)}]; ${all.join('\n')} ${fail} }`
    return { text, result: r }
  }

  const intersection = (members: ReadonlyArray<Member>, place: Place): Code => {
    const all = members.map((one) => member(one, place, members.length))
    const text = all.map((one) => one.text).join('\n')
    if (all.every(({ result }) => result === place.value)) return { text, result: place.value }
    const r = fresh('r')
    const results = all.map(({ result }) => result).join(', ')
    return { text: `${text} const ${r} = merged(${place.value}, [${results}]);`, result: r }
  }

  const opaque = (codec: t.Any, { value, context, fail }: Place): Code => {
    const [e, r] = [fresh('e'), fresh('r')]
    const validate = `const ${e} = ${capture(codec)}.validate(${value}, ${context});`
    return { text: `${validate} if (${e}._tag === "Left") ${fail} const ${r} = ${e}.right;`, result: r }
  }

  const inline = (plan: Plan, place: Place): Code => {
    nodes += 1
    const { value, fail, giveUp } = place
    switch (plan._tag) {
      case 'Leaf':
        // n.b. io-ts copies the parent of a NaN, since it differs from itself
        return {
          text: `if (${mismatch(plan.kind, value)}) ${fail} ${canBeNaN(plan.kind) ? `if (${value} !== ${value}) ${giveUp}` : ''}`,
          result: value,
        }
      case 'Literal': {
        const literal = capture(plan.value)
        // n.b. io-ts answers with its own zero
        const zero = plan.value === 0 ? `if (!is(${value}, ${literal})) ${giveUp}` : ''
        return { text: `if (${value} !== ${literal}) ${fail} ${zero}`, result: value }
      }
      case 'Keyof':
        return {
          text: `if (typeof ${value} !== "string" || !${capture(plan.names)}.has(${value})) ${fail}`,
          result: value,
        }
      case 'Refined': {
        const { text, result } = apply(plan.of, place, 1)
        return { text: `${text} if (!${capture(plan.predicate)}(${result})) ${fail}`, result }
      }
      case 'List':
        return list(plan.item, place)
      case 'Opaque':
        return opaque(plan.codec, place)
      case 'Stripped':
        return strip(plan, place)
      case 'Recursive':
        return call(plan, functionOf(plan.of()), place)
      case 'Dictionary':
        return changing.has(plan)
          ? call(plan, capture(closureOf(plan)), place)
          : dictionary(plan.codomain, plan.arrays, place)
      case 'Tuple':
      case 'Fields':
      case 'Union':
      case 'Tagged':
      case 'Merged':
        if (plan.members.length > MEMBERS_INLINE) return call(plan, capture(closureOf(plan)), place)
    }
    switch (plan._tag) {
      case 'Tuple':
        return tuple(plan.members, place)
      case 'Fields':
        return fields(plan, place)
      case 'Union':
        return union(plan, plan.members, place)
      case 'Tagged':
        return tagged(plan, place)
      case 'Merged':
        return intersection(plan.members, place)
    }
  }

  const asFunction = (plan: Plan, name: string): string => {
    const place = { value: 'value', context: 'context', fail: 'return failed;', giveUp: 'return gaveUp;' }
    const { text, result } = inline(plan, place)
    return `function ${name}(value, context) { ${text}\nreturn ${result}; }`
  }
  const main = inline(root, { value: 'value', context: 'context', fail: 'return;', giveUp: 'return;' })
  const sources: Array<string> = []
  for (let plan = pending.pop(); plan !== undefined; plan = pending.pop())
    sources.push(asFunction(plan, functionOf(plan)))

  const context = contextual.has(root) ? `[{ key: "", type: ${capture(codec)}, actual: value }]` : 'undefined'
  const source = `"use strict";
${sources.join('\n')}
function accept(value, context) { ${main.text}\nreturn success(${main.result}); }
function decode(value) { return accept(value, ${context}) ?? ${capture(codec)}.decode(value); }
return { accept, decode };`
  const parameters = [...Object.keys(helpers), ...names.values()]
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what this file is for; no text of the user's is in it
  const make = new Function(...parameters, source) as (...values: ReadonlyArray<unknown>) => Decoding
  return make(...Object.values(helpers), ...captured)
}
