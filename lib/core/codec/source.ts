/** JavaScript as text: what the writers of generated code share. */
import type { Plan } from './plan.js'
import type { Traits } from './traits.js'

/** Where a plan is applied: JavaScript for the value, for its context, and for what to do when it fails or gives up. */
export interface Place {
  readonly value: string
  readonly context: string
  readonly fail: string
  readonly giveUp: string
}

/** Statements, and JavaScript for the result once they have run. */
export interface Code {
  readonly text: string
  readonly result: string
}

/** What the writer of one node asks of the whole. */
export interface Writer {
  readonly traits: Traits
  /** A name that nothing else has. */
  readonly fresh: (letter: string) => string
  /** The name by which the code has a value. */
  readonly capture: (value: unknown) => string
  /** A plan in place, or a call of it. `siblings`: how many such plans are beside it. */
  readonly apply: (plan: Plan, place: Place, siblings: number) => Code
  /** A call of the function that a plan is made. */
  readonly callFunction: (plan: Plan, place: Place) => Code
  /** A call of the plan's closure. */
  readonly callClosure: (plan: Plan, place: Place) => Code
}
