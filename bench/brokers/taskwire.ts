/** taskwire over a broker, through its public API and with its defaults. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, createMicroservice, event, listen, message, orThrow } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { kafka } from 'taskwire/kafka'
import { redis } from 'taskwire/redis'
import { Payload } from '../shared/payload.js'
import type { BrokerContender, Place } from './contenders.js'

const contracts = ({ id }: Place) => ({
  Echo: message(`${id}.echo`, { request: Payload, reply: Payload }),
  Done: event(`${id}.done`, Payload),
})

const transport = ({ kind, url }: Place) => {
  switch (kind) {
    case 'redis':
      return redis({ url })
    case 'amqp':
      return amqp({ url })
    case 'kafka':
      return kafka({ brokers: url.split(','), createTopics: true })
  }
}

export const serve: BrokerContender['serve'] = async (place, _endpoints, handled) => {
  const { Echo, Done } = contracts(place)
  const service = createMicroservice(place.id)
    .transport(transport(place))
    .handle(Echo, (payload) => TE.right(payload))
    .handle(Done, (payload) => {
      handled(payload)
      return TE.right(undefined)
    })
  await orThrow(listen(service))
}

export const connect: BrokerContender['connect'] = async (place) => {
  const { Echo, Done } = contracts(place)
  const client = createClient(transport(place), { name: `${place.id}-client` })
  await orThrow(client.connect)
  return {
    calls: [
      async (payload) => {
        const result = await client.send(Echo, payload)()
        if (result._tag === 'Left') throw new Error(`taskwire answered ${result.left._tag}`)
        return result.right
      },
    ],
    emit: async (payload) => {
      const result = await client.emit(Done, payload)()
      if (result._tag === 'Left') throw new Error(`taskwire answered ${result.left._tag}`)
    },
  }
}
