/** The transports of this package, as subjects of the kit. */
import type { Subject } from '../../lib/testing/conformance/index.js'
import { tcp } from '../../lib/transport/tcp/index.js'
import { memory, memoryBus } from '../../lib/transport/memory/index.js'

export const memorySubject: Subject = {
  name: 'memory',
  capabilities: memory().capabilities,
  world: async () => {
    const bus = memoryBus()
    return {
      transport: (name) => memory({ bus, name }),
      client: (_, name) => memory({ bus, name }),
      deadLetters: async () =>
        bus.deadLetters().map(({ body, headers, messageId, reason }) => ({
          body,
          headers,
          messageId,
          reason: reason._tag,
          attempts: reason.attempts,
        })),
      redrive: bus.redrive(),
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
