/**
 * The practical limit on RabbitMQ: no Nagle, one write a tick, direct reply-to, requests acknowledged as they start and events after their
 * handlers, one acknowledgement for all that came in a tick; events confirmed, persistent and in a quorum queue.
 */
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import { type Channel, type ChannelModel, connect as dial, type ConsumeMessage } from 'amqplib'
import type { BrokerContender, Place } from '../contenders.js'
import { replies } from './replies.js'

const EXCHANGE = 'amq.topic'
const REPLY_TO = 'amq.rabbitmq.reply-to'
const PREFETCH = 500

const requests = ({ id }: Place): string => `${id}.requests`
const events = ({ id }: Place): string => `${id}.events`

const bytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const value = ({ content }: ConsumeMessage): unknown => JSON.parse(content.toString())

/** One system call for all frames of a tick: amqplib writes each message on its own. */
const gather = (connection: ChannelModel): void => {
  const { stream } = connection.connection as unknown as { readonly stream: Socket }
  const write: (bytes: Uint8Array) => boolean = stream.write.bind(stream)
  let corked = false
  const flush = (): void => {
    corked = false
    stream.uncork()
  }
  Object.assign(stream, {
    write: (chunk: Uint8Array): boolean => {
      if (!corked) {
        corked = true
        stream.cork()
        process.nextTick(flush)
      }
      return write(chunk)
    },
  })
}

const open = async ({ url }: Place): Promise<ChannelModel> => {
  const connection = await dial(url, { noDelay: true })
  gather(connection)
  return connection
}

/** Acknowledges all that came in this tick with its last message. */
const acknowledge = (channel: Channel): ((message: ConsumeMessage) => void) => {
  let last: ConsumeMessage | undefined
  const flush = (): void => {
    if (last !== undefined) channel.ack(last, true)
    last = undefined
  }
  return (message) => {
    if (last === undefined) setImmediate(flush)
    last = message
  }
}

const cancelled = (): never => {
  throw new Error('the queue is gone')
}

export const serve: BrokerContender['serve'] = async (place, [{ check }], handled) => {
  const connection = await open(place)

  const rpc = await connection.createChannel()
  await rpc.assertQueue(requests(place), { durable: true, autoDelete: true })
  await rpc.prefetch(PREFETCH)
  const started = acknowledge(rpc)
  await rpc.consume(requests(place), (message) => {
    if (message === null) return cancelled()
    started(message)
    const { replyTo, correlationId } = message.properties
    rpc.sendToQueue(replyTo, bytes(check(value(message))), { correlationId })
  })

  const channel = await connection.createChannel()
  await channel.assertQueue(events(place), { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.bindQueue(events(place), EXCHANGE, events(place))
  await channel.prefetch(PREFETCH)
  const done = acknowledge(channel)
  await channel.consume(events(place), (message) => {
    if (message === null) return cancelled()
    handled(check(value(message)))
    done(message)
  })
}

export const connect: BrokerContender['connect'] = async (place, [{ check }]) => {
  const connection = await open(place)
  const { wait, settle, fail } = replies()

  const rpc = await connection.createChannel()
  await rpc.consume(
    REPLY_TO,
    (message) => {
      if (message === null) return cancelled()
      settle(message.properties.correlationId, () => check(value(message)))
    },
    { noAck: true },
  )
  rpc.on('return', (message: ConsumeMessage) => fail(message.properties.correlationId, new Error('nobody consumes')))

  const publisher = await connection.createConfirmChannel()
  const key = events(place)
  const queue = requests(place)
  return {
    calls: [
      (payload) =>
        wait((correlationId) => {
          rpc.publish('', queue, bytes(payload), { replyTo: REPLY_TO, correlationId, mandatory: true })
        }),
    ],
    emit: (payload) =>
      new Promise((resolve, reject) => {
        publisher.publish(EXCHANGE, key, bytes(payload), { persistent: true }, (error: Error | null | undefined) =>
          error ? reject(error) : resolve(undefined),
        )
      }),
  }
}
