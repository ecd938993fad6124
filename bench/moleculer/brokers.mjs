/** Moleculer over a broker, with the defaults of the transporter. */
import { ServiceBroker } from 'moleculer'
import { actions } from './actions.mjs'

const transporterOf = ({ kind, url }) => {
  switch (kind) {
    case 'redis':
      return { type: 'Redis', options: url }
    case 'amqp':
      return { type: 'AMQP', options: { url } }
    default:
      return { type: 'Kafka', options: { bootstrapBrokers: url.split(',') } }
  }
}

const start = async (place, nodeID, services) => {
  const broker = new ServiceBroker({ nodeID, namespace: place.id, logger: false, transporter: transporterOf(place) })
  for (const service of services) broker.createService(service)
  await broker.start()
  return broker
}

export const serve = async (place, endpoints, handled) => {
  const [{ check }] = endpoints
  const events = { done: ({ params }) => handled(check(params)) }
  await start(place, 'server', [{ name: 'bench', actions: actions(endpoints), events }])
}

export const connect = async (place, [{ name, check }]) => {
  const broker = await start(place, 'client', [])
  await broker.waitForServices('bench', 60_000)
  return {
    calls: [async (payload) => check(await broker.call(`bench.${name}`, payload))],
    emit: (payload) => broker.emit('done', payload),
  }
}
