/** How much is asked at once: `64` on one connection, `8x64` on each of 8. */
import type { Requests } from '../shared/commands.js'

export const requestsOf = (level: string, ms: number): Requests => {
  const [, connections, each] = /^(?:(\d+)x)?(\d+)$/.exec(level) ?? []
  if (each === undefined) throw new Error(`'${level}' is neither a number nor like 8x64`)
  const count = Number(connections ?? 1)
  return { inFlight: count * Number(each), connections: count, ms }
}

export const heading = (level: string): string => {
  const { inFlight, connections = 1 } = requestsOf(level, 0)
  return connections === 1
    ? `${inFlight} in flight`
    : `${connections} connections, ${inFlight / connections} in flight each`
}
