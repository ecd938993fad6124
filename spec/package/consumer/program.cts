// Type-checked against the packed declarations under nodenext, as CommonJS.
import t = require('io-ts')
import TE = require('fp-ts/lib/TaskEither.js')
import taskwire = require('taskwire')
import amqp = require('taskwire/amqp')
import kafka = require('taskwire/kafka')
import memory = require('taskwire/memory')
import redis = require('taskwire/redis')
import tcp = require('taskwire/tcp')
import testing = require('taskwire/testing')

const service = taskwire
  .createMicroservice('users')
  .transport(memory.memory())
  .transport(tcp.tcp({ port: 4000 }))
  .transport(redis.redis())
  .transport(amqp.amqp({ url: 'amqp://127.0.0.1' }))
  .transport(kafka.kafka({ brokers: ['127.0.0.1:9092'] }))
  .onMessage('double', t.number, (n) => TE.right(n * 2), { reply: t.number })

const result: unknown = testing.inject(service).send('double')(2)

export = { service, result }
