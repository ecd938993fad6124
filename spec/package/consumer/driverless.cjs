// Run by plain node against the packed package, as CommonJS, where no driver is installed.
const TE = require('fp-ts/lib/TaskEither')
const t = require('io-ts')
const { createMicroservice, listen } = require('taskwire')
const { amqp } = require('taskwire/amqp')
const { kafka } = require('taskwire/kafka')
const { redis } = require('taskwire/redis')

const service = createMicroservice('users').onMessage('ping', t.unknown, () => TE.right('pong'))

const main = async () => {
  const started = []
  for (const transport of [redis(), amqp({ url: 'amqp://127.0.0.1' }), kafka({ brokers: ['127.0.0.1:9092'] })])
    started.push(await listen(service.transport(transport), { log: false })())
  process.stdout.write(JSON.stringify(started))
}

void main()
