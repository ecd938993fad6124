/** The transport of each kind of broker, with limits so small that a case does not take long. */
import { connect } from 'node:net'
import { amqp } from 'taskwire/amqp'
import { kafka, type KafkaOptions } from 'taskwire/kafka'
import { redis } from 'taskwire/redis'
import { tcp } from 'taskwire/tcp'
import type { Kind } from '../brokers/software.js'
import type { Transport } from '../../lib/transport/transport.js'

/** A part of a broker: names of its own, for one service. */
export interface Site {
  readonly kind: Kind | 'tcp'
  /** Of the broker; over TCP where the service listens, as `tcp://host:port`. */
  readonly url: string
  /** The port of a proxy that stands in front of it: every connection goes by it. Default none. */
  readonly via?: number
  readonly prefix: string
  /** How often an event may kill its process, where the broker counts. Default: that of the transport. */
  readonly maxDeliveries?: number
  /** Retries wait in a topic of their own, on Kafka. Default false. */
  readonly retryTopics?: boolean
  /** What the driver of Kafka is told besides. Default nothing. */
  readonly kafkajs?: Pick<NonNullable<KafkaOptions['kafkajs']>, 'sasl' | 'ssl'>
}

/** Milliseconds after which a replica that shows no sign of life has lost what it holds. */
export const lease: Readonly<Record<Kind, number>> = { redis: 1_000, amqp: 4_000, kafka: 6_000 }

/** Milliseconds of silence after which a connection is asked for a sign of life; nothing for as long again, and it is lost. */
export const heartbeat: Readonly<Record<Site['kind'], number>> = {
  redis: 500,
  amqp: lease.amqp / 2,
  kafka: 2_500,
  tcp: 1_000,
}

const behind = (url: string, via: number | undefined): string => {
  if (via === undefined) return url
  const to = new URL(url)
  to.port = String(via)
  return to.href
}

// n.b. Kafka tells its clients where to connect to; they go by the proxy all the same
const socketsBy = (via: number | undefined): KafkaOptions['kafkajs'] =>
  via === undefined
    ? {}
    : { socketFactory: ({ onConnect }) => connect({ port: via, host: '127.0.0.1', noDelay: true }, onConnect) }

/** A transport on this part, each time a fresh one. */
export const transport = ({
  kind,
  url,
  via,
  prefix,
  maxDeliveries,
  retryTopics = false,
  kafkajs = {},
}: Site): Transport => {
  switch (kind) {
    case 'tcp': {
      const { hostname: host, port } = new URL(url)
      const endpoints = [{ host, port: via ?? Number(port) }]
      const limits = { pingInterval: heartbeat.tcp, pongTimeout: heartbeat.tcp }
      return tcp({ host, port: Number(port), endpoints, limits })
    }
    case 'redis': {
      const limits = { leaseMs: lease.redis, reclaimMs: 200, heartbeatMs: heartbeat.redis }
      return redis({
        ...{ url: behind(url, via), prefix },
        limits: maxDeliveries === undefined ? limits : { ...limits, maxDeliveries },
      })
    }
    case 'amqp':
      // n.b. RabbitMQ gives a connection up after two heartbeats
      return amqp({ url: `${behind(url, via)}?heartbeat=${heartbeat.amqp / 1_000}`, prefix })
    case 'kafka':
      return kafka({
        brokers: [url],
        prefix,
        retryTopics,
        createTopics: { partitions: 3, replicationFactor: 1 },
        kafkajs: {
          ...kafkajs,
          ...socketsBy(via),
          consumer: { sessionTimeout: lease.kafka, heartbeatInterval: 500, maxWaitTimeInMs: 50 },
        },
      })
  }
}
