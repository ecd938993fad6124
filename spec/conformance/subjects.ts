/** The transports of this package that need no broker, as subjects of the kit. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { createMicroservice, deadLetters, listen, orThrow } from 'taskwire'
import { memory, memoryBus, type MemoryBus } from 'taskwire/memory'
import { tcp } from 'taskwire/tcp'
import type { Subject } from 'taskwire/testing'

const room = 400

/** Fills the list of dead letters to its bound; the result makes room again. */
const fill = async (bus: MemoryBus): Promise<() => Promise<void>> => {
  const filler = createMicroservice('filler')
    .transport(memory({ bus }))
    .onEvent('filler', t.unknown, () => async () => E.left('no'))
  const started = await listen(filler, { log: false })()
  if (E.isLeft(started)) throw new Error(started.left._tag)
  const before = bus.deadLetters().length
  for (let i = before; i < room; i++) await started.right.clients.memory.emit('filler', i)()
  while (bus.deadLetters().length < room) await new Promise((resolve) => setImmediate(resolve))
  await started.right.stop()
  return async () => {
    await orThrow(deadLetters(filler).purge({}))
  }
}

export const memorySubject: Subject = {
  name: 'memory',
  capabilities: memory().capabilities,
  world: async () => {
    const bus = memoryBus({ maxDeadLetters: room })
    return {
      transport: (name) => memory({ bus, name }),
      client: (_, name) => memory({ bus, name }),
      breakDeadLetters: () => fill(bus),
      dispose: async () => undefined,
    }
  },
}

export const tcpSubject: Subject = {
  name: 'tcp',
  capabilities: tcp().capabilities,
  world: async () => ({
    transport: (name) => tcp({ name }),
    client: (replicas, name) =>
      tcp({
        name,
        endpoints: replicas.flatMap(({ addresses }) => {
          const address = addresses[name]
          return address === undefined ? [] : [address]
        }),
      }),
    dispose: async () => undefined,
  }),
}
