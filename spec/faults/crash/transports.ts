/** Transports for victims, which have nothing to do but what they are told, and for those who come after them. */
import { amqp } from 'taskwire/amqp'
import { kafka } from 'taskwire/kafka'
import { redis } from 'taskwire/redis'
import type { Transport } from '../../../lib/transport/transport.js'
import type { Kind } from '../../brokers/software.js'

/** A part of a broker. */
export interface Place {
  readonly kind: Kind
  readonly url: string
  readonly prefix: string
  /** On Kafka: delayed retries wait in a topic. */
  readonly retryTopics?: boolean
}

/** What a victim does by the clock alone is put off: beyond any run, or as far as its session allows. */
const far = 60_000

export const transport = ({ kind, url, prefix, retryTopics = false }: Place, who: 'victim' | 'other'): Transport => {
  const victim = who === 'victim'
  switch (kind) {
    case 'redis': {
      // n.b. what a victim held is free after the lease of whoever looks
      const limits = victim
        ? { leaseMs: far, reclaimMs: far, heartbeatMs: far }
        : { leaseMs: 300, reclaimMs: 50, heartbeatMs: far }
      return redis({ url, prefix, limits })
    }
    case 'amqp':
      return amqp({ url: `${url}?heartbeat=${far / 1_000}`, prefix })
    case 'kafka': {
      const consumer = victim
        ? { sessionTimeout: 2_000, heartbeatInterval: 300, maxWaitTimeInMs: 500 }
        : { sessionTimeout: 10_000, heartbeatInterval: 300, maxWaitTimeInMs: 50 }
      return kafka({ brokers: [url], prefix, retryTopics, kafkajs: { consumer } })
    }
  }
}
