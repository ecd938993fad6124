/** What must hold of an event whose replica was killed. */
import type { Start } from '../page.js'
import type { Lying } from './ground.js'
import { bodyOf, headers, type Order } from './scenario.js'

/** What became of an event. */
export interface Fate {
  readonly order: Omit<Order, 'text'>
  readonly messageId: string
  /** In order. */
  readonly starts: ReadonlyArray<Start>
  readonly handled: number
  readonly letters: ReadonlyArray<Lying>
}

/** What the transport promises of `attempt`. */
export interface Promised {
  /** The broker counts deliveries: no number of a start comes again. Otherwise none does in one process. */
  readonly counted: boolean
  /** A replica that dies may leave the event in two places: then a number may come twice, but for the first. */
  readonly twice: boolean
  /** It was put back: each start is the first. */
  readonly redriven: boolean
}

const most = (numbers: ReadonlyArray<number>): number =>
  Math.max(0, ...numbers.map((one) => numbers.filter((other) => other === one).length))

const attemptsOf = (starts: ReadonlyArray<Start>, { counted, twice, redriven }: Promised): ReadonlyArray<string> => {
  const numbers = starts.map(({ attempt }) => attempt)
  const told = numbers.join(', ')
  if (redriven) return numbers.every((one) => one === 1) ? [] : [`starts after a redrive are numbered ${told}`]
  const groups = counted
    ? [starts]
    : [...new Set(starts.map(({ by }) => by))].map((by) => starts.filter((one) => one.by === by))
  const again = groups.some((group) => {
    const own = group.map(({ attempt }) => attempt)
    return most(own) > (twice ? 2 : 1) || own.filter((one) => one === 1).length > 1
  })
  return [
    ...(again ? [`a start has the number of an earlier one: ${told}`] : []),
    // n.b. one delivery may have been counted and never have been seen
    ...(numbers.some((one, before) => one < 1 || one > before + 2) ? [`a start is numbered too high: ${told}`] : []),
  ]
}

const letterOf = ({ order }: Fate, { body, headers: found }: Lying): ReadonlyArray<string> => [
  ...(body === bodyOf(order) ? [] : [`the bytes of its dead letter are ${body}`]),
  ...(JSON.stringify({ ...found }) === JSON.stringify(headers)
    ? []
    : [`the headers of its dead letter are ${JSON.stringify(found)}`]),
]

/** Whether it is where it has to be in the end. */
export const arrived = ({ order, handled, letters }: Fate): boolean =>
  order.do === 'fail' ? letters.length > 0 : handled > 0

/** What does not hold, each in one sentence. */
export const problems = (fate: Fate, promised: Promised): ReadonlyArray<string> => {
  const { order, starts, handled, letters, messageId } = fate
  const numbers = new Set(starts.map(({ attempt }) => attempt))
  const found = [
    ...(arrived(fate) ? [] : ['it is lost']),
    ...(order.do === 'fail' && handled > 0 ? ['it was handled, though its handler failed'] : []),
    ...(order.do !== 'fail' && letters.length > 0 ? ['it is a dead letter, though it was handled'] : []),
    ...attemptsOf(starts, promised),
    ...letters.flatMap((letter) => letterOf(fate, letter)),
    ...letters.flatMap(({ attempts }) =>
      promised.redriven || numbers.has(attempts) ? [] : [`its dead letter tells of ${attempts} starts`],
    ),
  ]
  return found.map((what) => `${messageId} (${order.do}): ${what}`)
}
