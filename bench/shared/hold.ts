/** Requests that stay in flight until they are released, so that what each of them takes can be weighed. */
import type { Call, Held } from './contender.js'
import { type Payload, samples } from './payload.js'

export interface Hold extends Held {
  /** Resolves when so many handlers have begun. */
  readonly begun: (count: number) => Promise<void>
  readonly release: () => void
}

export const hold = (): Hold => {
  let count = 0
  let wanted = Infinity
  let complete = (): void => {}
  let release = (): void => {}
  const reply = new Promise<Payload>((resolve) => {
    release = () => resolve(samples[0]!)
  })
  return {
    reply,
    started: () => {
      count += 1
      if (count >= wanted) complete()
    },
    begun: (least) =>
      new Promise((resolve) => {
        wanted = least
        complete = resolve
        if (count >= wanted) resolve()
      }),
    release,
  }
}

/** Calls that often, spread over the connections; the promise resolves when all are answered. */
export const callAll = (calls: ReadonlyArray<Call>, count: number): Promise<void> =>
  new Promise((resolve, reject) => {
    let left = count
    const done = (): void => {
      left -= 1
      if (left === 0) resolve()
    }
    // n.b. the same two functions for all: what awaits a call should weigh as little as it can
    for (let at = 0; at < count; at += 1) calls[at % calls.length]!(samples[at % samples.length]!).then(done, reject)
  })
