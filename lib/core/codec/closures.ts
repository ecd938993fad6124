/** A plan as closures: for where code cannot be generated, and for what is not worth generating. */
import * as t from 'io-ts'
import { copy, hasOwn, isRecord, merged, stripped, type Obj } from './objects.js'
import type { Dictionary, Fields, Kind, Member, Plan, Stripped, Tagged } from './plan.js'
import { failed, gaveUp, type Run } from './result.js'
import type { Traits } from './traits.js'

/** A member made runnable: its value and its parent's context in, its result out. */
type Step = (value: unknown, context: t.Context, key: string) => unknown

const leaf = (kind: Kind): Run => {
  switch (kind) {
    // n.b. io-ts copies the parent of a NaN, since it differs from itself
    case 'anything':
      return (value) => (value === value ? value : gaveUp)
    case 'number':
      return (value) => (typeof value === 'number' ? (value === value ? value : gaveUp) : failed)
    case 'nothing':
      return () => failed
    case 'string':
      return (value) => (typeof value === 'string' ? value : failed)
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? value : failed)
    case 'bigint':
      return (value) => (typeof value === 'bigint' ? value : failed)
    case 'function':
      return (value) => (typeof value === 'function' ? value : failed)
    case 'undefined':
      return (value) => (value === undefined ? value : failed)
    case 'null':
      return (value) => (value === null ? value : failed)
    case 'array':
      return (value) => (Array.isArray(value) ? value : failed)
    case 'record':
      return (value) => (isRecord(value) ? value : failed)
  }
}

const literal = (expected: unknown): Run =>
  // n.b. io-ts answers with its own zero
  expected === 0
    ? (value) => (value === 0 ? (Object.is(value, expected) ? value : gaveUp) : failed)
    : (value) => (value === expected ? value : failed)

const fields = ({ members, partial }: Fields, steps: ReadonlyArray<Step>): Run => {
  const keys = members.map(({ key }) => key)
  return (value, context) => {
    if (!isRecord(value)) return failed
    let result: Obj = value
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string
      const before = result[key]
      const after = (steps[i] as Step)(before, context, key)
      if (after === gaveUp) return gaveUp
      if (after === failed) {
        if (partial && before === undefined) continue
        return failed
      }
      if (after === before && (after !== undefined || partial || hasOwn(result, key))) continue
      const copied: Record<string, unknown> = result === value ? copy(result) : result
      copied[key] = after
      result = copied
    }
    return result
  }
}

const items = (
  value: ReadonlyArray<unknown>,
  from: ReadonlyArray<unknown>,
  context: t.Context,
  stepAt: (i: number) => Step,
  length: number,
): unknown => {
  let result = from
  for (let i = 0; i < length; i++) {
    const before = value[i]
    const after = stepAt(i)(before, context, String(i))
    if (after === gaveUp || after === failed) return after
    if (after === before) continue
    const copied: Array<unknown> = result === value ? value.slice() : (result as Array<unknown>)
    copied[i] = after
    result = copied
  }
  return result
}

const list =
  (step: Step): Run =>
  (value, context) =>
    Array.isArray(value) ? items(value, value, context, () => step, value.length) : failed

const tuple =
  (steps: ReadonlyArray<Step>): Run =>
  (value: unknown, context) => {
    if (!Array.isArray(value)) return failed
    const all: ReadonlyArray<unknown> = value
    const { length } = steps
    return items(all, all.length > length ? all.slice(0, length) : all, context, (i) => steps[i] as Step, length)
  }

const dictionary =
  ({ arrays }: Dictionary, domain: Step | undefined, codomain: Step): Run =>
  (value, context) => {
    if (!isRecord(value)) return arrays && Array.isArray(value) ? value : failed
    const result: Record<string, unknown> = {}
    let changed = false
    for (const key of Object.keys(value)) {
      const before = value[key]
      const name = domain === undefined ? key : domain(key, context, key)
      if (name === gaveUp) return gaveUp
      if (name === failed) {
        changed = true
        continue
      }
      const after = codomain(before, context, name as string)
      if (after === gaveUp || after === failed) return after
      changed ||= name !== key || after !== before
      result[name as string] = after
    }
    return changed ? result : value
  }

const strippedOf =
  ({ names }: Stripped, run: Run): Run =>
  (value, context) => {
    const result = isRecord(value) ? run(value, context) : failed
    return result === failed || result === gaveUp ? result : stripped(result, names)
  }

const union =
  (members: ReadonlyArray<Member>, steps: ReadonlyArray<Step>): Run =>
  (value, context) => {
    for (let i = 0; i < steps.length; i++) {
      const result = (steps[i] as Step)(value, context, (members[i] as Member).key)
      if (result !== failed) return result
    }
    return failed
  }

const taggedUnion =
  ({ tag, groups, members }: Tagged, steps: ReadonlyArray<Step>): Run =>
  (value, context) => {
    if (!isRecord(value)) return failed
    const chosen = value[tag]
    const index = groups.findIndex((group) => group.indexOf(chosen) !== -1)
    return index < 0 ? failed : (steps[index] as Step)(value, context, (members[index] as Member).key)
  }

const intersection =
  (members: ReadonlyArray<Member>, steps: ReadonlyArray<Step>): Run =>
  (value, context) => {
    const results: Array<unknown> = []
    for (let i = 0; i < steps.length; i++) {
      const result = (steps[i] as Step)(value, context, (members[i] as Member).key)
      if (result === failed || result === gaveUp) return result
      results.push(result)
    }
    return merged(value, results)
  }

const refined =
  (run: Run, predicate: (value: unknown) => unknown): Run =>
  (value, context) => {
    const result = run(value, context)
    return result === failed || result === gaveUp || predicate(result) ? result : failed
  }

const opaque =
  (codec: t.Any): Run =>
  (value, context) => {
    const result = codec.validate(value, context)
    return result._tag === 'Left' ? failed : (result.right as unknown)
  }

/** Makes closures of plans; of each plan once. */
export const closures = ({ contextual, hasty }: Traits): ((plan: Plan) => Run) => {
  const made = new Map<Plan, Run>()

  const step = ({ codec, plan }: Member): Step => {
    const run = runOf(plan)
    return contextual.has(plan) ? (value, context, key) => run(value, t.appendContext(context, key, codec, value)) : run
  }
  /** Where a failure is not the end: see `hasty`. */
  const tried = (member: Member, when: (value: unknown) => boolean): Step => {
    const first = step(member)
    const { codec, plan } = member
    if (!hasty.has(plan)) return first
    return (value, context, key) => {
      const result = first(value, context, key)
      if (result !== failed || !when(value)) return result
      const inner = contextual.has(plan) ? t.appendContext(context, key, codec, value) : []
      return codec.validate(value, inner)._tag === 'Left' ? failed : gaveUp
    }
  }
  const steps = (members: ReadonlyArray<Member>): ReadonlyArray<Step> => members.map(step)

  const make = (plan: Plan): Run => {
    switch (plan._tag) {
      case 'Leaf':
        return leaf(plan.kind)
      case 'Literal':
        return literal(plan.value)
      case 'Keyof':
        return (value) => (typeof value === 'string' && plan.names.has(value) ? value : failed)
      case 'Refined':
        return refined(runOf(plan.of), plan.predicate)
      case 'List':
        return list(step(plan.item))
      case 'Tuple':
        return tuple(steps(plan.members))
      case 'Fields':
        return fields(
          plan,
          plan.partial ? plan.members.map((one) => tried(one, (value) => value === undefined)) : steps(plan.members),
        )
      case 'Dictionary':
        return dictionary(plan, plan.domain && step(plan.domain), step(plan.codomain))
      case 'Stripped':
        return strippedOf(plan, runOf(plan.of))
      case 'Union':
        return union(
          plan.members,
          plan.members.map((one) => tried(one, () => true)),
        )
      case 'Tagged':
        return taggedUnion(plan, steps(plan.members))
      case 'Merged':
        return intersection(plan.members, steps(plan.members))
      case 'Recursive': {
        let run: Run | undefined
        return (value, context) => (run ??= runOf(plan.of()))(value, context)
      }
      case 'Opaque':
        return opaque(plan.codec)
    }
  }

  const runOf = (plan: Plan): Run => {
    const before = made.get(plan)
    if (before !== undefined) return before
    const run = make(plan)
    made.set(plan, run)
    return run
  }
  return runOf
}
