/** Which of several connections takes a call. */
import type { Random } from '../../core/clock.js'
import type { Peer } from './peer.js'

/** Calls in flight times the time they take, as far as that is known of both. */
const costs = (a: Peer, b: Peer): readonly [number, number] => {
  const [one, other] = [a.link(), b.link()]
  const none = Number.POSITIVE_INFINITY
  if (one === undefined || other === undefined) return [one === undefined ? none : 1, other === undefined ? none : 1]
  const [near, far] = [one.rtt(), other.rtt()]
  const known = near !== undefined && far !== undefined
  return [(one.inFlight() + 1) * (known ? near : 1), (other.inFlight() + 1) * (known ? far : 1)]
}

const idle = (one: Peer): boolean => one.link()?.inFlight() === 0

/** Of calls that find both idle, the slower one gets so many at least. */
const leastShare = 1 / 16

/**
 * The better of two that chance names. Of two that are idle either, the slower one less often: a time that was measured
 * once, in a bad moment, must not keep all calls from a replica, or it is hardly ever measured again.
 */
export const choose = (peers: ReadonlyArray<Peer>, random: Random): Peer | undefined => {
  const count = peers.length
  if (count < 2) return peers[0]
  const first = Math.floor(random() * count)
  const second = count === 2 ? 1 - first : (first + 1 + Math.floor(random() * (count - 1))) % count
  const [a, b] = [peers[first], peers[second]]
  if (a === undefined || b === undefined) return a
  const [cost, other] = costs(a, b)
  if (idle(a) && idle(b)) {
    const share = Math.min(Math.max(other / (cost + other), leastShare), 1 - leastShare)
    return random() < share ? a : b
  }
  return cost <= other ? a : b
}

const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  // n.b. without the last mixing, endpoints that differ in their last digit alone would rank alike for most keys
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}

/** The same one for the same key, for as long as it is there; of the others' keys only the lost one's move. */
export const rendezvous = (peers: ReadonlyArray<Peer>, key: string): Peer | undefined => {
  let best: Peer | undefined
  let most = -1
  for (const one of peers) {
    const weight = hash(`${key}\u0000${one.address.host}:${String(one.address.port)}`)
    if (weight > most) {
      most = weight
      best = one
    }
  }
  return best
}
