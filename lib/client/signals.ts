/** Calls by the signal that cancels them. */

export interface Signals<A> {
  readonly watch: (signal: AbortSignal, value: A) => void
  readonly forget: (signal: AbortSignal, value: A) => void
}

interface Watched<A> {
  readonly values: Set<A>
  readonly listener: () => void
}

/**
 * Watches signals; `aborted` is called for each value whose signal is aborted. One listener for each signal, however many
 * values it has: Node takes an eleventh for a leak, and a handler may well make more calls than that at once.
 */
export const signals = <A>(aborted: (value: A) => void): Signals<A> => {
  const all = new Map<AbortSignal, Watched<A>>()
  return {
    watch: (signal, value) => {
      const known = all.get(signal)
      if (known !== undefined) {
        known.values.add(value)
        return
      }
      const values = new Set([value])
      const listener = (): void => {
        all.delete(signal)
        signal.removeEventListener('abort', listener)
        for (const one of values) aborted(one)
      }
      all.set(signal, { values, listener })
      signal.addEventListener('abort', listener)
    },
    forget: (signal, value) => {
      const known = all.get(signal)
      if (known === undefined) return
      known.values.delete(value)
      if (known.values.size > 0) return
      all.delete(signal)
      signal.removeEventListener('abort', known.listener)
    },
  }
}
