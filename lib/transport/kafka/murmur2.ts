/** The partition of a key, as Java's client works it out: programs in any language send a key to the same partition. */

const m = 0x5bd1e995

/** Murmur2 with Kafka's seed; a signed 32-bit number. Source: Apache Kafka, `Utils.murmur2`. */
export const murmur2 = (data: Uint8Array): number => {
  const { length } = data
  const byte = (at: number): number => data[at] ?? 0
  let h = 0x9747b28c ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let k = byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    h = Math.imul(h, m) ^ Math.imul(k, m)
  }
  const rest = length - at
  if (rest === 3) h ^= byte(at + 2) << 16
  if (rest >= 2) h ^= byte(at + 1) << 8
  if (rest >= 1) h = Math.imul(h ^ byte(at), m)
  h ^= h >>> 13
  h = Math.imul(h, m)
  return h ^ (h >>> 15)
}

/** One of so many partitions. */
export const partitionOf = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fffffff) % partitions
