import { freshId, realClock, secureRandom, type Clock, type Random } from '../core/clock.js'
import type { Environment } from '../transport/transport.js'

/** What an interpreter may be given in place of the real world. */
export interface Surroundings {
  /** Time. Default: the machine's. */
  readonly clock?: Clock
  /** Chance. Default: the platform's cryptographic source. */
  readonly random?: Random
  /** Takes one line for each defect and each trouble of a transport. Default: stderr; `false` silences it. */
  readonly log?: ((line: string) => void) | false
}

const toStderr = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** The environment of a connection. */
export const environment = (
  group: string,
  { clock = realClock, random, log = toStderr }: Surroundings,
): Environment => {
  const chance = random ?? secureRandom()
  return {
    clock,
    random: chance,
    group,
    instance: freshId(chance),
    log: log === false ? () => undefined : quietly(log),
  }
}

// A log that throws must not take the service down, and there is nowhere left to say so.
const quietly =
  (log: (line: string) => void) =>
  (line: string): void => {
    try {
      log(line)
    } catch {
      // see above
    }
  }
