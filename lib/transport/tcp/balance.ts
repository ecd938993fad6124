/** Which of several connections takes a call. */
import type { Random } from '../../core/clock.js'
import type { Peer } from './peer.js'

/** Whether `a` is the better choice: by calls in flight times the time they take, as far as it is known of both. */
const better = (a: Peer, b: Peer): boolean => {
  const one = a.link()
  const other = b.link()
  if (one === undefined || other === undefined) return one !== undefined
  const near = one.rtt()
  const far = other.rtt()
  return near === undefined || far === undefined
    ? one.inFlight() <= other.inFlight()
    : (one.inFlight() + 1) * near <= (other.inFlight() + 1) * far
}

/** The better of two that chance names: nearly as even as the best of all, and nobody runs all to the same one. */
export const choose = (peers: ReadonlyArray<Peer>, random: Random): Peer | undefined => {
  const count = peers.length
  if (count < 2) return peers[0]
  const first = count === 2 ? 0 : Math.floor(random() * count)
  const second = count === 2 ? 1 : (first + 1 + Math.floor(random() * (count - 1))) % count
  const a = peers[first]
  const b = peers[second]
  return a === undefined || b === undefined ? a : better(a, b) ? a : b
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
