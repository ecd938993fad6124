// Run by plain node against the packed package, as ESM, where no driver is installed.
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, listen } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { kafka } from 'taskwire/kafka'
import { redis } from 'taskwire/redis'

const service = createMicroservice('users').onMessage('ping', t.unknown, () => TE.right('pong'))
const started = []
for (const transport of [redis(), amqp({ url: 'amqp://127.0.0.1' }), kafka({ brokers: ['127.0.0.1:9092'] })])
  started.push(await listen(service.transport(transport), { log: false })())

process.stdout.write(JSON.stringify(started))
