/** The transport of each kind of broker, with limits so small that a case does not take long. */
import { amqp } from 'taskwire/amqp'
import { kafka } from 'taskwire/kafka'
import { redis } from 'taskwire/redis'
import type { Kind } from '../brokers/software.js'
import type { Transport } from '../../lib/transport/transport.js'

/** A part of a broker: names of its own, for one service. */
export interface Site {
  readonly kind: Kind
  readonly url: string
  readonly prefix: string
  /** How often an event may kill its process, where the broker counts. Default: that of the transport. */
  readonly maxDeliveries?: number
}

/** Milliseconds after which a replica that shows no sign of life has lost what it holds. */
export const lease: Readonly<Record<Kind, number>> = { redis: 1_000, amqp: 4_000, kafka: 6_000 }

/** A transport on this part, each time a fresh one. */
export const transport = ({ kind, url, prefix, maxDeliveries }: Site): Transport => {
  switch (kind) {
    case 'redis': {
      const limits = { leaseMs: lease.redis, reclaimMs: 200, heartbeatMs: 500 }
      return redis({ url, prefix, limits: maxDeliveries === undefined ? limits : { ...limits, maxDeliveries } })
    }
    case 'amqp':
      // n.b. RabbitMQ gives a connection up after two heartbeats
      return amqp({ url: `${url}?heartbeat=${lease.amqp / 2_000}`, prefix })
    case 'kafka':
      return kafka({
        brokers: [url],
        prefix,
        createTopics: { partitions: 3, replicationFactor: 1 },
        kafkajs: { consumer: { sessionTimeout: lease.kafka, heartbeatInterval: 500, maxWaitTimeInMs: 50 } },
      })
  }
}
