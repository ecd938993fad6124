/** The statements of each kind of node. */
import type * as t from 'io-ts'
import type { Fields, Kind, Member, Plan, Stripped, Tagged } from './plan.js'
import type { Code, Place, Writer } from './source.js'

// What V8 still optimises well.
const MEMBERS_INLINE = 128
const NAMES_IN_SWITCH = 16

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

/** Writes a plan in place. */
export const statements = ({
  traits,
  fresh,
  capture,
  apply,
  callFunction,
  callClosure,
}: Writer): ((plan: Plan, place: Place) => Code) => {
  const { changing, undefinable, contextual, hasty } = traits

  const member = ({ key, codec, plan }: Member, place: Place, siblings: number, name?: string): Code => {
    if (!contextual.has(plan)) return apply(plan, place, siblings)
    const c = fresh('c')
    const before = `const ${c} = append(${place.context}, ${name ?? JSON.stringify(key)}, ${capture(codec)}, ${place.value});`
    const { text, result } = apply(plan, { ...place, context: c }, siblings)
    return { text: before + text, result }
  }

  /** Where a failure is not the end: see `hasty`. */
  const whenRefused = ({ key, codec, plan }: Member, { value, context, giveUp }: Place, next: string): string => {
    if (!hasty.has(plan)) return next
    const own = capture(codec)
    const inner = contextual.has(plan) ? `append(${context}, ${JSON.stringify(key)}, ${own}, ${value})` : '[]'
    return `{ if (${own}.validate(${value}, ${inner})._tag === "Left") ${next} ${giveUp} }`
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
    const at = { ...place, value: v }
    const fail = partial
      ? `{ if (${v} === undefined) ${whenRefused(one, at, `break ${label};`)} ${place.fail} }`
      : place.fail
    const { text, result } = member(one, { ...at, fail }, siblings)
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
    const fail = whenRefused(one, place, `break ${label};`)
    const { text, result } = member(one, { ...place, fail }, siblings)
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
        return callFunction(plan.of(), place)
      case 'Dictionary':
        return changing.has(plan) ? callClosure(plan, place) : dictionary(plan.codomain, plan.arrays, place)
      case 'Tuple':
      case 'Fields':
      case 'Union':
      case 'Tagged':
      case 'Merged':
        if (plan.members.length > MEMBERS_INLINE) return callClosure(plan, place)
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

  return inline
}
