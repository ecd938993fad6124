/** The calls of one connection that wait for their answer, on the client, by the id of their frame. */
import { spent } from './call.js'
import type { Call } from './call.js'

export interface Slots {
  /** Gives a call the next id. */
  readonly take: (call: Call) => number
  /** The call under an id, whose place is free again; `undefined` when the answer is late, doubled or forged. */
  readonly release: (id: number) => Call | undefined
  readonly holds: (call: Call) => boolean
  /** Keeps nothing of a call but its id, which stays taken until the server answers. */
  readonly forget: (call: Call) => void
  readonly inFlight: () => number
  readonly nextId: () => number
  readonly all: () => ReadonlyArray<Call>
  /** Milliseconds from call to answer, smoothed; `undefined` before the first answer. */
  readonly rtt: () => number | undefined
  /** Called every tick: what was slow once looks better again, so that it is tried again. */
  readonly cool: () => void
}

const firstPlaces = 16
const smoothing = 0.2
// A time that was measured in a bad moment is soon forgotten.
const recovering = 0.5
const cooling = 0.9

/**
 * For `credit` calls at once. A call lives at its id modulo a power of two, and knows its whole id: no Map that is
 * rehashed, and no promise that stays alive in one (1.1 to 1.6 times the throughput).
 */
export const slots = (credit: number, now: () => number): Slots => {
  const most = 2 ** Math.ceil(Math.log2(2 * credit))
  let places: Array<Call | undefined> = Array.from({ length: Math.min(most, firstPlaces) })
  let mask = places.length - 1
  let nextId = 1
  let inFlight = 0
  let rtt: number | undefined
  let fresh = false
  let sampled = 0
  let sampledAt = 0
  // n.b. an idle connection holds little; places that differ under the smaller mask differ under the larger one
  const grow = (): void => {
    const before = places
    places = Array.from({ length: 2 * before.length })
    mask = places.length - 1
    for (const call of before) if (call !== undefined) places[call.id & mask] = call
  }
  return {
    take: (call) => {
      if (2 * inFlight >= places.length && places.length < most) grow()
      while (places[nextId & mask] !== undefined) nextId += 1
      const id = nextId
      nextId += 1
      call.id = id
      places[id & mask] = call
      inFlight += 1
      // One call at a time is timed: two readings of the clock for each would be felt.
      if (sampled === 0) {
        sampled = id
        sampledAt = now()
      }
      return id
    },
    release: (id) => {
      const call = places[id & mask]
      if (call === undefined || call.id !== id) return undefined
      places[id & mask] = undefined
      inFlight -= 1
      if (id === sampled) {
        const took = Math.max(now() - sampledAt, 0.001)
        rtt = rtt === undefined ? took : rtt + (took < rtt ? recovering : smoothing) * (took - rtt)
        fresh = true
        sampled = 0
      }
      return call
    },
    holds: (call) => places[call.id & mask] === call,
    forget: (call) => {
      if (places[call.id & mask] === call) places[call.id & mask] = spent(call)
    },
    inFlight: () => inFlight,
    nextId: () => nextId,
    all: () => places.filter((call) => call !== undefined),
    rtt: () => rtt,
    cool: () => {
      if (!fresh && rtt !== undefined) rtt *= cooling
      fresh = false
    },
  }
}
