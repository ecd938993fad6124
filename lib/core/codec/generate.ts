/**
 * A plan as the source of functions, about ten times as fast as closures. The source holds nothing of the user's but
 * the names of properties, as `JSON.stringify` writes them; every value is handed in.
 */
import * as t from 'io-ts'
import { copy, hasOwn, merged, stripped } from './objects.js'
import type { Plan } from './plan.js'
import { failed, gaveUp, type Decoding, type Run } from './result.js'
import type { Code, Place } from './source.js'
import { statements } from './statements.js'
import type { Traits } from './traits.js'

// What V8 still optimises well, and what a codec can make this process compile at most.
const NODES_INLINE = 256
const NODES_IN_ALL = 2_000

const helpers = { isArray: Array.isArray, keysOf: Object.keys, prototypeOf: Object.getPrototypeOf, plain: Object.prototype, is: Object.is, append: t.appendContext, success: t.success, copy, hasOwn, merged, stripped, failed, gaveUp } // prettier-ignore

/** @throws an EvalError where code generation is forbidden */
export const generated = (codec: t.Any, root: Plan, traits: Traits, closureOf: (plan: Plan) => Run): Decoding => {
  const { changing, contextual, size, targets } = traits
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

  const callFunction = (plan: Plan, place: Place): Code => call(plan, functionOf(plan), place)
  const callClosure = (plan: Plan, place: Place): Code => call(plan, capture(closureOf(plan)), place)

  /** The plan here, or a call of a function of its own. */
  const apply = (plan: Plan, place: Place, siblings: number): Code => {
    const own = size.get(plan) ?? 1
    if (nodes > NODES_IN_ALL) return callClosure(plan, place)
    return targets.has(plan) || (own > 3 && own * siblings > NODES_INLINE)
      ? callFunction(plan, place)
      : write(plan, place)
  }

  const inline = statements({ traits, fresh, capture, apply: (...where) => apply(...where), callFunction, callClosure })
  const write = (plan: Plan, place: Place): Code => {
    nodes += 1
    return inline(plan, place)
  }

  const asFunction = (plan: Plan, name: string): string => {
    const place = { value: 'value', context: 'context', fail: 'return failed;', giveUp: 'return gaveUp;' }
    if (nodes > NODES_IN_ALL) return `const ${name} = ${capture(closureOf(plan))};`
    const { text, result } = write(plan, place)
    return `function ${name}(value, context) { ${text}\nreturn ${result}; }`
  }
  const main = write(root, { value: 'value', context: 'context', fail: 'return;', giveUp: 'return;' })
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
