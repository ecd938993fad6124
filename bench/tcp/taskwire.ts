/** taskwire over TCP, through its public API and with its defaults. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, createMicroservice, listen, message, orThrow } from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { Payload } from '../shared/payload.js'
import type { TcpContender } from './contenders.js'

const Echo = message('echo', { request: Payload, reply: Payload })

export const serve: TcpContender['serve'] = async (port) => {
  const service = createMicroservice('bench')
    .transport(tcp({ port }))
    .onMessage('echo', Payload, (payload) => TE.right(payload), { reply: Payload })
  await orThrow(listen(service))
}

export const connect: TcpContender['connect'] = async (port) => {
  const client = createClient(tcp({ port }))
  await orThrow(client.connect)
  return {
    call: async (payload) => {
      const result = await client.send(Echo, payload)()
      if (result._tag === 'Left') throw new Error(`taskwire answered ${result.left._tag}`)
      return result.right
    },
  }
}
