/** NestJS over a broker with its defaults, decorators called by hand. Plain JavaScript: its packages are installed by the benchmarks alone. */
import 'reflect-metadata'
import { Controller, Logger, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientProxyFactory, Ctx, EventPattern, MessagePattern, Payload, Transport } from '@nestjs/microservices'
import kafkajs from 'kafkajs'
import { firstValueFrom, lastValueFrom } from 'rxjs'

const PARTITIONS = 6

Logger.overrideLogger(false)

const echoOf = ({ id }) => `${id}.echo`
const doneOf = ({ id }) => `${id}.done`

/** Nothing but addresses and names. */
const optionsOf = ({ kind, url, id }) => {
  switch (kind) {
    case 'redis': {
      const { hostname, port } = new URL(url)
      return { transport: Transport.REDIS, options: { host: hostname, port: Number(port) } }
    }
    case 'amqp':
      return { transport: Transport.RMQ, options: { urls: [url], queue: id } }
    default: {
      const client = { brokers: url.split(','), clientId: id }
      return { transport: Transport.KAFKA, options: { client, consumer: { groupId: id } } }
    }
  }
}

const withOptions = ({ transport, options }, more) => ({ transport, options: { ...options, ...more } })

const createTopics = async (place) => {
  const admin = new kafkajs.Kafka({ brokers: place.url.split(',') }).admin()
  await admin.connect()
  const topics = [echoOf(place), `${echoOf(place)}.reply`, doneOf(place)]
  await admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: PARTITIONS })) })
  await admin.disconnect()
}

const listen = async (place, [{ check }], handled, server, settle) => {
  class BenchController {
    echo(payload, context) {
      const reply = check(payload)
      settle(context)
      return reply
    }
    done(payload, context) {
      handled(check(payload))
      settle(context)
    }
  }
  const decorate = (name, pattern) => {
    const { prototype } = BenchController
    pattern(prototype, name, Object.getOwnPropertyDescriptor(prototype, name))
    Payload()(prototype, name, 0)
    Ctx()(prototype, name, 1)
  }
  decorate('echo', MessagePattern(echoOf(place)))
  decorate('done', EventPattern(doneOf(place)))
  Controller()(BenchController)

  class AppModule {}
  Module({ controllers: [BenchController] })(AppModule)

  if (place.kind === 'kafka') await createTopics(place)
  const app = await NestFactory.createMicroservice(AppModule, { ...server, logger: false })
  await app.listen()
}

const callWith = async (place, [{ check }], options) => {
  const client = ClientProxyFactory.create(options)
  if (place.kind === 'kafka') client.subscribeToResponseOf(echoOf(place))
  await client.connect()
  return {
    calls: [async (payload) => check(await firstValueFrom(client.send(echoOf(place), payload)))],
    emit: (payload) => lastValueFrom(client.emit(doneOf(place), payload), { defaultValue: undefined }),
  }
}

export const serve = (place, endpoints, handled) => listen(place, endpoints, handled, optionsOf(place), () => {})
export const connect = (place, endpoints) => callWith(place, endpoints, optionsOf(place))

/** RabbitMQ: messages that survive a restart, acknowledged by the handler. */
export const acknowledging = {
  serve: (place, endpoints, handled) =>
    listen(place, endpoints, handled, withOptions(optionsOf(place), { noAck: false }), (context) =>
      context.getChannelRef().ack(context.getMessage()),
    ),
  connect: (place, endpoints) => callWith(place, endpoints, withOptions(optionsOf(place), { persistent: true })),
}
