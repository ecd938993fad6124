/** What a request in flight and an idle connection weigh, on both sides: memory with many of them minus memory with none. */
import type { Memory } from '../shared/memory.js'
import type { Pair, Sides } from '../shared/pair.js'
import { spread } from '../shared/summary.js'
import type { Weighed } from './report.js'

/** In one round, of one of them. */
export type Weight = Sides<Memory>

const WARM_UP_MS = 400

const each = (before: Memory, after: Memory, count: number): Memory => ({
  heap: (after.heap - before.heap) / count,
  external: (after.external - before.external) / count,
  rss: (after.rss - before.rss) / count,
})

const between = async (pair: Pair, count: number, act: () => Promise<void>): Promise<Weight> => {
  const before = await pair.memory()
  await act()
  const after = await pair.memory()
  return { client: each(before.client, after.client, count), server: each(before.server, after.server, count) }
}

/** With one request at a time on each connection before: what is compiled is, and what grows with requests has not grown. */
export const inFlight = async (pair: Pair, count: number, connections: number): Promise<Weight> => {
  await pair.measure({ _tag: 'requests', inFlight: connections, connections, ms: WARM_UP_MS })
  const weight = await between(pair, count, () => pair.hold(count, connections))
  await pair.release()
  return weight
}

export const idle = async (pair: Pair, connections: number): Promise<Weight> => {
  // The first of them compile what connects.
  await pair.measure({ _tag: 'requests', inFlight: 20, connections: 20, ms: WARM_UP_MS })
  return between(pair, connections, () => pair.connections(20 + connections))
}

export const weighed = (name: string, rounds: ReadonlyArray<Weight>): Weighed => {
  const of = (key: keyof Memory) => ({
    client: spread(rounds.map(({ client }) => client[key])),
    server: spread(rounds.map(({ server }) => server[key])),
  })
  return {
    ...{ name, heap: of('heap'), external: of('external'), rss: of('rss') },
    both: spread(rounds.map(({ client, server }) => client.heap + server.heap)),
  }
}
