/** One service on four transports: a handler listens on all of them, unless it says on which. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { kafka } from 'taskwire/kafka'
import { redis } from 'taskwire/redis'
import { tcp } from 'taskwire/tcp'

/** Where the brokers are. */
export interface Brokers {
  readonly redisUrl: string
  readonly amqpUrl: string
  readonly kafkaBrokers: ReadonlyArray<string>
}

/** `heard` is told of every event, with what its transport knows about it. */
export const greeter = (brokers: Brokers, heard: (line: string) => void) =>
  createMicroservice('greeter')
    .transport(tcp({ port: 0 }))
    .transport(redis({ url: brokers.redisUrl }))
    .transport(amqp({ url: brokers.amqpUrl }))
    .transport(kafka({ brokers: brokers.kafkaBrokers, createTopics: true, name: 'audit' }))
    .onMessage(
      'greet',
      t.string,
      (name, context) => {
        // The context is a union of four, told apart by `transport`.
        switch (context.transport) {
          case 'tcp':
            return TE.right(`hello ${name}, from ${context.remoteAddress}`)
          case 'redis':
            return TE.right(`hello ${name}, by entry ${context.entryId} of ${context.stream}`)
          case 'amqp':
            return TE.right(`hello ${name}, by queue ${context.queue}`)
          case 'kafka':
            return TE.right(`hello ${name}, at offset ${context.offset} of ${context.topic}`)
        }
      },
      { reply: t.string },
    )
    // Bound to one transport by its token: the context is that transport's.
    .onEvent(
      'greeted',
      t.string,
      (name, { name: token, topic, partition, offset }) =>
        TE.fromIO(() => heard(`${token}: ${name} at ${topic}/${partition}/${offset}`)),
      { on: ['audit'] },
    )
