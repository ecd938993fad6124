/** A contender's two processes, and what is asked of them. */
import type { Allocated } from './allocations.js'
import type { Answer, ClientCommand, Part, Requests, ServerCommand } from './commands.js'
import type { Memory } from './memory.js'
import { leave, type Process, start, type Started } from './process.js'

/** The figures of one contender under one load in one round. */
export interface Cell {
  /** Requests or events per second. */
  readonly rate: number
  /** Of requests. */
  readonly p50Us: number
  readonly p99Us: number
  /** Client and server together, microseconds per request or event. */
  readonly cpuUs: number
  readonly clientUs: number
  readonly serverUs: number
  /** The broker's, where there is one of the benchmark's own. */
  readonly brokerUs: number
}

/** What a pair is put under. */
export type Workload =
  | ({ readonly _tag: 'requests' } & Requests)
  | { readonly _tag: 'events'; readonly count: number; readonly window: number }

/** Something of both sides. */
export interface Sides<A> {
  readonly client: A
  readonly server: A
}

export interface Pair {
  readonly name: string
  readonly pids: Sides<number | undefined>
  /** Resolves when a request is answered, and an event handled if there are any. */
  readonly prime: (events: boolean) => Promise<void>
  readonly measure: (workload: Workload) => Promise<Cell>
  /** What both allocate under a load, and how many requests that was. */
  readonly allocate: (requests: Requests) => Promise<Sides<Allocated> & { readonly requests: number }>
  /** Needs --expose-gc. */
  readonly memory: () => Promise<Sides<Memory>>
  /** Resolves when the client has that many connections. */
  readonly connections: (count: number) => Promise<void>
  /** Resolves when so many requests are in flight, each with its handler begun; of a part that holds, and once. */
  readonly hold: (count: number, connections: number) => Promise<void>
  /** Resolves when they are answered. */
  readonly release: () => Promise<void>
  /** CPU time of both processes since they started, microseconds. */
  readonly cpu: () => Promise<number>
  /** Lets both exit by themselves, so that they write what they have to; kills them after 10 s. */
  readonly stop: () => Promise<void>
}

export interface Options extends Started {
  /** CPU time so far of the broker between the two, microseconds. */
  readonly brokerCpuUs?: () => number
}

const HANDLED_MS = 75_000
const PRIME_MS = 60_000
const PROBE_MS = 500

export const startPair = async (part: Part, options: Options): Promise<Pair> => {
  const { brokerCpuUs = () => NaN } = options
  const server = await start('server', part, options)
  const client = await start('client', part, options)

  const ask = async <Tag extends Answer['_tag']>(
    peer: Process,
    command: ClientCommand | ServerCommand,
    tag: Tag,
  ): Promise<Extract<Answer, { readonly _tag: Tag }>> => {
    const answered = Promise.race([peer.answer(), server.broken, client.broken])
    peer.child.send(command)
    const answer = await answered
    if (answer._tag !== tag) throw new Error(`${part.name}: ${answer._tag} in answer to ${command._tag}`)
    return answer as Extract<Answer, { readonly _tag: Tag }>
  }
  const both = async <Tag extends Answer['_tag']>(command: ClientCommand & ServerCommand, tag: Tag) => ({
    client: await ask(client, command, tag),
    server: await ask(server, command, tag),
  })
  const cpuOf = async (peer: Process): Promise<number> => (await ask(peer, { _tag: 'cpu' }, 'cpu')).us
  const cpu = async (): Promise<number> => (await cpuOf(server)) + (await cpuOf(client))

  let next = 0
  const events = async (count: number, window: number, ms: number) => {
    const from = next
    next += count
    await ask(server, { _tag: 'expect', from, count }, 'ready')
    const [{ began, cpuUs: clientUs }, { at, missing }] = await Promise.all([
      ask(client, { _tag: 'publish', from, count, window }, 'published'),
      ask(server, { _tag: 'handled', ms }, 'handled'),
    ])
    return { clientUs, seconds: (at - began) / 1000, missing }
  }

  const put = async (workload: Workload) => {
    if (workload._tag === 'requests') {
      const { load } = await ask(client, { ...workload, _tag: 'run' }, 'load')
      const { requests, seconds, p50Us, p99Us, cpuUs } = load
      return { count: requests, clientUs: cpuUs, rate: requests / seconds, p50Us, p99Us }
    }
    const { count, window } = workload
    const { clientUs, seconds, missing } = await events(count, window, HANDLED_MS)
    if (missing > 0) throw new Error(`${part.name}: ${missing} of ${count} events were not handled`)
    return { count, clientUs, rate: count / seconds, p50Us: NaN, p99Us: NaN }
  }

  return {
    name: part.name,
    pids: { server: server.child.pid, client: client.child.pid },
    prime: async (withEvents) => {
      await ask(client, { _tag: 'prime', ms: PRIME_MS }, 'ready')
      if (!withEvents) return
      for (let tries = PRIME_MS / PROBE_MS; (await events(1, 1, PROBE_MS)).missing > 0; tries -= 1)
        if (tries <= 0) throw new Error(`${part.name}: no event arrives`)
    },
    measure: async (workload) => {
      const brokerBefore = brokerCpuUs()
      const before = await cpuOf(server)
      const { count, clientUs, rate, p50Us, p99Us } = await put(workload)
      const serverUs = (await cpuOf(server)) - before
      return {
        ...{ rate, p50Us, p99Us },
        cpuUs: (clientUs + serverUs) / count,
        clientUs: clientUs / count,
        serverUs: serverUs / count,
        brokerUs: (brokerCpuUs() - brokerBefore) / count,
      }
    },
    allocate: async (requests) => {
      await both({ _tag: 'sample' }, 'ready')
      const { load } = await ask(client, { ...requests, _tag: 'run' }, 'load')
      const sides = await both({ _tag: 'sampled' }, 'allocated')
      return { client: sides.client.allocated, server: sides.server.allocated, requests: load.requests }
    },
    memory: async () => {
      const sides = await both({ _tag: 'memory' }, 'memory')
      return { client: sides.client.memory, server: sides.server.memory }
    },
    connections: async (count) => {
      await ask(client, { _tag: 'connect', connections: count }, 'ready')
    },
    hold: async (count, connections) => {
      await ask(client, { _tag: 'hold', count, connections }, 'ready')
      await ask(server, { _tag: 'held', count }, 'ready')
    },
    release: async () => {
      await ask(server, { _tag: 'release' }, 'ready')
      await ask(client, { _tag: 'released' }, 'ready')
    },
    cpu,
    stop: async () => {
      await leave(client.child)
      await leave(server.child)
    },
  }
}
