/** What has to be known about a plan before code is made of it; recursion makes each of these a fixed point. */
import * as t from 'io-ts'
import { children, type Plan } from './plan.js'

export interface Traits {
  /**
   * May answer with another value than it was given. All other plans answer with their input or fail, apart from values
   * on which they give up: NaN, and -0 for the literal 0.
   */
  readonly changing: ReadonlySet<Plan>
  /** May accept `undefined`, or run the user's code on it. */
  readonly undefinable: ReadonlySet<Plan>
  /** Leads to an opaque codec, which is given the context that io-ts would give it. */
  readonly contextual: ReadonlySet<Plan>
  /**
   * Runs code of the user's and, where it fails, may not run all of it: io-ts goes on after a failure, and what throws
   * there throws. So where a failure is not the end, as in a union, io-ts is asked about that member.
   */
  readonly hasty: ReadonlySet<Plan>
  /** Nodes below and including it; those behind a recursion are not counted. */
  readonly size: ReadonlyMap<Plan, number>
  /** Those that a recursion leads back to. */
  readonly targets: ReadonlySet<Plan>
}

/** Members before what contains them. */
const inPostorder = (root: Plan): ReadonlyArray<Plan> => {
  const seen = new Set<Plan>()
  const order: Array<Plan> = []
  const visit = (plan: Plan): void => {
    if (seen.has(plan)) return
    seen.add(plan)
    children(plan).forEach(visit)
    order.push(plan)
  }
  visit(root)
  return order
}

type Rule = (plan: Plan, found: ReadonlySet<Plan>) => boolean

const closure = (plans: ReadonlyArray<Plan>, rule: Rule): ReadonlySet<Plan> => {
  const found = new Set<Plan>()
  let before = -1
  while (found.size > before) {
    before = found.size
    for (const plan of plans) if (!found.has(plan) && rule(plan, found)) found.add(plan)
  }
  return found
}

const inherits: Rule = (plan, found) => children(plan).some((child) => found.has(child))

const acceptsUndefined: Rule = (plan, found) => {
  switch (plan._tag) {
    case 'Leaf':
      return plan.kind === 'anything' || plan.kind === 'undefined'
    case 'Literal':
      return plan.value === undefined
    case 'Opaque':
      return true
    case 'Refined':
    case 'Recursive':
    case 'Union':
    case 'Merged':
      return inherits(plan, found)
    case 'Keyof':
    case 'List':
    case 'Tuple':
    case 'Fields':
    case 'Dictionary':
    case 'Stripped':
    case 'Tagged':
      return false
  }
}

const changes =
  (undefinable: ReadonlySet<Plan>): Rule =>
  (plan, found) => {
    switch (plan._tag) {
      case 'Opaque':
      case 'Stripped':
      case 'Tuple':
        return true
      case 'Dictionary':
        return plan.domain !== undefined || inherits(plan, found)
      case 'Fields':
        // io-ts adds a missing member that may be undefined.
        return (!plan.partial && plan.members.some((member) => undefinable.has(member.plan))) || inherits(plan, found)
      case 'Leaf':
      case 'Literal':
      case 'Keyof':
      case 'Refined':
      case 'List':
      case 'Union':
      case 'Tagged':
      case 'Merged':
      case 'Recursive':
        return inherits(plan, found)
    }
  }

const runsUsersCode: Rule = (plan, found) =>
  plan._tag === 'Opaque' || (plan._tag === 'Refined' && plan.predicate !== t.Int.predicate) || inherits(plan, found)

const stopsEarly =
  (users: ReadonlySet<Plan>): Rule =>
  (plan, found) => {
    switch (plan._tag) {
      case 'Fields':
      case 'Tuple':
      case 'Merged':
        return plan.members.some((member, i) => i > 0 && users.has(member.plan)) || inherits(plan, found)
      case 'List':
      case 'Dictionary':
        return children(plan).some((child) => users.has(child))
      case 'Refined':
      case 'Stripped':
      case 'Recursive':
      case 'Tagged':
        return inherits(plan, found)
      // A union goes through all of its members.
      case 'Union':
      case 'Leaf':
      case 'Literal':
      case 'Keyof':
      case 'Opaque':
        return false
    }
  }

const sizes = (plans: ReadonlyArray<Plan>): ReadonlyMap<Plan, number> => {
  const size = new Map<Plan, number>()
  for (const plan of plans) {
    const below = plan._tag === 'Recursive' ? [] : children(plan)
    size.set(
      plan,
      below.reduce((sum, child) => sum + (size.get(child) ?? 0), 1),
    )
  }
  return size
}

export const traitsOf = (root: Plan): Traits => {
  const plans = inPostorder(root)
  const undefinable = closure(plans, acceptsUndefined)
  return {
    undefinable,
    changing: closure(plans, changes(undefinable)),
    contextual: closure(plans, (plan, found) => plan._tag === 'Opaque' || inherits(plan, found)),
    hasty: closure(plans, stopsEarly(closure(plans, runsUsersCode))),
    size: sizes(plans),
    targets: new Set(plans.flatMap((plan) => (plan._tag === 'Recursive' ? [plan.of()] : []))),
  }
}
