/** Moleculer over its TCP transporter, with its defaults but for discovery: nodes are named, and nothing is sent to the network. */
import { randomUUID } from 'node:crypto'
import { ServiceBroker } from 'moleculer'
import { actions } from './actions.mjs'

const SERVER = 'server'

const start = async (nodeID, options) => {
  const broker = new ServiceBroker({
    nodeID,
    logger: false,
    transporter: { type: 'TCP', options: { udpDiscovery: false, useHostname: false, ...options } },
  })
  return broker
}

export const serve = async (port, endpoints) => {
  const broker = await start(SERVER, { port })
  broker.createService({ name: 'bench', actions: actions(endpoints) })
  await broker.start()
}

/** A broker has one connection to each other, so that each connection takes one. */
export const connect = async (port, endpoints) => {
  const broker = await start(`client-${randomUUID()}`, { urls: [`tcp://127.0.0.1:${port}/${SERVER}`] })
  await broker.start()
  await broker.waitForServices('bench', 30_000)
  const call =
    ({ name, check }) =>
    async (payload) =>
      check(await broker.call(`bench.${name}`, payload))
  return { calls: endpoints.map(call) }
}
