/** What lets bytes pass in one direction of a proxy: later, not at all for a while, or only so many. */

/** The state of one direction, common to all connections. */
export interface Gate {
  /** Bytes that have passed. */
  readonly passed: () => number
  /** How long each byte takes from now on, in ms. */
  readonly slow: (ms: number) => void
  /** When what comes in now is due. */
  readonly due: () => number
  readonly hold: () => void
  readonly release: () => void
  /** After so many more bytes the connection that carries the last of them is cut. */
  readonly cutAfter: (bytes: number) => void
  /** Resolves when the time has come and nothing is held. */
  readonly opened: (due: number) => Promise<void>
  /** How many of `bytes` may pass, and whether these are the last. */
  readonly take: (bytes: number) => { readonly taken: number; readonly cut: boolean }
}

const until = (due: number): Promise<void> | undefined => {
  const ms = due - Date.now()
  return ms > 0 ? new Promise((done) => setTimeout(done, ms)) : undefined
}

/** A gate that lets everything pass. */
export const gate = (): Gate => {
  let passed = 0
  let latency = 0
  let left = Infinity
  let release = (): void => {}
  let held: Promise<void> | undefined
  return {
    passed: () => passed,
    slow: (ms) => {
      latency = ms
    },
    due: () => Date.now() + latency,
    hold: () => {
      held ??= new Promise((resolve) => {
        release = resolve
      })
    },
    release: () => {
      held = undefined
      release()
    },
    cutAfter: (bytes) => {
      left = bytes
    },
    opened: async (due) => {
      await until(due)
      while (held !== undefined) await held
    },
    take: (bytes) => {
      const taken = Math.min(bytes, left)
      const cut = taken === left
      passed += taken
      left = cut ? Infinity : left - taken
      return { taken, cut }
    },
  }
}
