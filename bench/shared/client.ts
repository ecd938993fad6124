/** The measured process that calls. */
import { sample, sampled } from './allocations.js'
import type { Answer, ClientCommand, Part } from './commands.js'
import type { Call, Client, Contender } from './contender.js'
import { endpointsOf, holding } from './endpoints.js'
import { publish } from './events.js'
import { callAll } from './hold.js'
import { cpuUs, prime, run } from './load.js'
import { memory } from './memory.js'
import { samplesOf } from './payload.js'

/** How many dial at once: more would run into the backlog of the server's socket. */
const DIALLING = 50

export const client = async (
  contender: Contender<unknown>,
  { name, place, endpoints = 1, holds = false }: Part,
): Promise<(command: ClientCommand) => Promise<Answer>> => {
  const [first, ...others] = endpointsOf(name, endpoints)
  const connect = (): Promise<Client> => contender.connect(place, [first, ...others, ...(holds ? [holding(name)] : [])])
  const clients: Array<Client> = [await connect()]
  const { calls, emit } = clients[0]!
  const room = async (connections: number): Promise<ReadonlyArray<Client>> => {
    while (clients.length < connections) {
      const more = Math.min(DIALLING, connections - clients.length)
      clients.push(...(await Promise.all(Array.from({ length: more }, connect))))
    }
    return clients.slice(0, connections)
  }
  const echoes = (one: Client): ReadonlyArray<Call> => one.calls.slice(0, endpoints)
  let answered: Promise<void> = Promise.resolve()

  return async (command) => {
    switch (command._tag) {
      case 'cpu':
        return { _tag: 'cpu', us: cpuUs() }
      case 'memory':
        return { _tag: 'memory', memory: await memory() }
      case 'sample':
        await sample()
        return { _tag: 'ready' }
      case 'sampled':
        return { _tag: 'allocated', allocated: await sampled() }
      case 'prime':
        await prime(calls[0]!, command.ms)
        return { _tag: 'ready' }
      case 'run': {
        const connected = (await room(command.connections ?? 1)).map(echoes)
        return { _tag: 'load', load: await run(connected, samplesOf(command.bytes), command.inFlight, command.ms) }
      }
      case 'publish':
        if (emit === undefined) throw new Error(`${name} has no events`)
        return { _tag: 'published', ...(await publish(emit, command.from, command.count, command.window)) }
      case 'connect':
        await room(command.connections)
        return { _tag: 'ready' }
      case 'hold':
        answered = callAll(
          (await room(command.connections)).map((one) => one.calls[endpoints]!),
          command.count,
        )
        answered.catch(() => undefined)
        return { _tag: 'ready' }
      case 'released':
        await answered
        return { _tag: 'ready' }
    }
  }
}
