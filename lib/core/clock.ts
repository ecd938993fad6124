/**
 * Time and chance, as values. Runtime, client and transports read the clock and draw numbers only through these two, so
 * that a spec passes its own and a whole system of services runs in virtual time with a fixed seed.
 */

/** Where time comes from. Everything is in milliseconds. */
export interface Clock {
  /** Monotonic time; only differences mean anything. A jump of the wall clock never reaches it. */
  readonly now: () => number
  /** Unix time, for what leaves the process: CloudEvents `time`, absolute deadlines on brokers, dead letters. */
  readonly unix: () => number
  /**
   * Calls `run` once, `ms` from now. Returns the function that forgets it.
   * `idle: true` marks work that must not keep a process alive (ticks, pings): the real clock unrefs its timer.
   */
  readonly after: (ms: number, run: () => void, idle?: boolean) => () => void
}

/** A number in [0, 1), as `Math.random` gives it. The real one draws from the cryptographic source of the platform. */
export type Random = () => number

// A longer timer of the platform would fire at once.
const longestMs = 2 ** 31 - 1

/** The clock of the machine. A wait of more than 24.8 days ends after these. */
export const realClock: Clock = {
  now: () => performance.now(),
  unix: () => Date.now(),
  after: (ms, run, idle = false) => {
    const timer = setTimeout(run, Math.min(ms, longestMs))
    if (idle) timer.unref()
    return () => {
      clearTimeout(timer)
    }
  },
}

/** Numbers that cannot be guessed from one another: the platform's cryptographic source, drawn 4 KiB at a time. */
export const secureRandom = (): Random => {
  const pool = new Uint32Array(1_024)
  let used = pool.length
  return () => {
    if (used === pool.length) {
      crypto.getRandomValues(pool)
      used = 0
    }
    return (pool[used++] ?? 0) / 0x1_0000_0000
  }
}

// n.b. a table: `toString(16)` with padding takes four times as long, and every message of a broker has an id
const bytes: ReadonlyArray<string> = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const hexOf = (byte: number): string => bytes[byte] ?? ''
const hex = (random: Random): string => {
  const n = Math.floor(random() * 0x1_0000_0000)
  return hexOf(n >>> 24) + hexOf((n >>> 16) & 0xff) + hexOf((n >>> 8) & 0xff) + hexOf(n & 0xff)
}

/** A fresh id of 16 random bytes, as 32 hexadecimal digits. */
export const freshId = (random: Random): string => hex(random) + hex(random) + hex(random) + hex(random)
