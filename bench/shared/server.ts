/** The measured process that serves. */
import { sample, sampled } from './allocations.js'
import type { Answer, Part, ServerCommand } from './commands.js'
import type { Contender } from './contender.js'
import { endpointsOf, heldEndpoint } from './endpoints.js'
import { tally } from './events.js'
import { hold } from './hold.js'
import { cpuUs } from './load.js'
import { memory } from './memory.js'

export const server = async (
  contender: Contender<unknown>,
  { name, place, endpoints = 1, holds = false }: Part,
): Promise<(command: ServerCommand) => Promise<Answer>> => {
  const events = tally()
  const held = hold()
  const [first, ...others] = endpointsOf(name, endpoints)
  await contender.serve(place, [first, ...others, ...(holds ? [heldEndpoint(name, held)] : [])], events.handled)
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
      case 'expect':
        events.expect(command.from, command.count)
        return { _tag: 'ready' }
      case 'handled':
        return { _tag: 'handled', ...(await events.all(command.ms)) }
      case 'held':
        await held.begun(command.count)
        return { _tag: 'ready' }
      case 'release':
        held.release()
        return { _tag: 'ready' }
    }
  }
}
