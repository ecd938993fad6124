/** A fault proxy in front of a broker, or of a service that listens on TCP. */
import { describe, onTestFinished } from 'vitest'
import { freePort } from '../brokers/port.js'
import { faultProxy, type FaultProxy } from '../brokers/proxy.js'
import { kinds } from '../brokers/software.js'
import { withBroker } from '../brokers/suite.js'
import type { Site } from './transports.js'

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
