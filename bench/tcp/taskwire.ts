/** taskwire over TCP, through its public API and with its defaults. */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, createMicroservice, listen, message, orThrow } from 'taskwire'
import { tcp } from 'taskwire/tcp'
import type { Call, Endpoint, Served } from '../shared/contender.js'
import type { Payload } from '../shared/payload.js'
import type { TcpContender } from './contenders.js'

/** Of those that are held: by default 32 would run and the others wait. */
const HELD = 10_000

const contract = ({ name, codec }: Endpoint) => message(name, { request: codec, reply: codec })

const handler = ({ held }: Served): ((payload: Payload) => TE.TaskEither<never, Payload>) => {
  if (held === undefined) return (payload) => TE.right(payload)
  const reply = held.reply.then(E.right)
  return () => () => {
    held.started()
    return reply
  }
}

export const serve: TcpContender['serve'] = async (port, [first, ...others]) => {
  const service = createMicroservice('bench').transport(tcp({ port })).handle(contract(first), handler(first))
  const all = others.reduce(
    (sum, endpoint) =>
      sum.handle(contract(endpoint), handler(endpoint), endpoint.held === undefined ? {} : { concurrency: HELD }),
    service,
  )
  await orThrow(listen(all))
}

export const connect: TcpContender['connect'] = async (port, endpoints) => {
  const client = createClient(tcp({ port }))
  await orThrow(client.connect)
  const call = (endpoint: Endpoint): Call => {
    const echo = contract(endpoint)
    return async (payload) => {
      const result = await client.send(echo, payload)()
      if (result._tag === 'Left') throw new Error(`taskwire answered ${result.left._tag}`)
      return result.right
    }
  }
  return { calls: endpoints.map(call) }
}
