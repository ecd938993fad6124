/** A fault proxy in front of a broker, or of a service that listens on TCP. */
import { describe, onTestFinished } from 'vitest'
import { freePort } from '../brokers/port.js'
import { faultProxy, type FaultProxy } from '../brokers/proxy.js'
import type { Broker } from '../brokers/broker.js'
import { kinds, type BrokerOptions } from '../brokers/software.js'
import { withBroker, type StartBroker } from '../brokers/suite.js'
import type { Site } from './transports.js'
import { pause } from './waiting.js'

/** What a case breaks, and what stands behind it. */
export interface Front {
  readonly url: string
  readonly proxy: FaultProxy
  /** The port of the proxy. */
  readonly via: number
}

/** Puts a proxy in front of what is at this address. It is closed after the test. */
export const inFrontOf = async (url: string): Promise<Front> => {
  // n.b. the address of Kafka has no scheme
  const { hostname: host, port } = new URL(url.includes('://') ? url : `kafka://${url}`)
  const proxy = await faultProxy({ host, port: Number(port) })
  onTestFinished(() => proxy.close())
  return { url, proxy, via: proxy.port }
}

/** Cases for TCP and for the brokers that all share, which they leave alone: it is the way there that they break. */
export const behindProxies = async (
  cases: (kind: Site['kind'], front: () => Promise<Front>) => void,
): Promise<void> => {
  describe('tcp', () => cases('tcp', async () => inFrontOf(`tcp://127.0.0.1:${await freePort()}`)))
  for (const kind of kinds) await withBroker(kind, (url) => cases(kind, () => inFrontOf(url)))
}

/** A broker of one's own behind a proxy, whose address is also the one that Kafka tells its clients. */
export const inFrontOfOwn = async (
  start: StartBroker,
  options: BrokerOptions,
): Promise<Front & { readonly broker: Broker }> => {
  const proxy = await faultProxy()
  onTestFinished(() => proxy.close())
  const broker = await start({ ...options, advertised: proxy.port })
  proxy.upstream(broker)
  return { broker, proxy, via: proxy.port, url: broker.url.replace(`:${broker.port}`, `:${proxy.port}`) }
}

/** How many connections are begun in so many milliseconds. */
export const begunIn = async ({ proxy }: Front, ms: number): Promise<number> => {
  const { accepted } = proxy.stats()
  await pause(ms)
  return proxy.stats().accepted - accepted
}
