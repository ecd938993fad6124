/**
 * One service that answers over TCP, Redis, RabbitMQ and Kafka at once. It takes the brokers of `npm run brokers`:
 * `REDIS_URL=... AMQP_URL=... KAFKA_BROKERS=... npx tsx examples/everywhere/main.ts`
 */
import * as t from 'io-ts'
import { filter, firstValueFrom } from 'rxjs'
import { listen, orThrow } from 'taskwire'
import { greeter } from './service.js'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const running = await orThrow(
  listen(
    greeter(
      {
        redisUrl: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379',
        amqpUrl: process.env['AMQP_URL'] ?? 'amqp://guest:guest@127.0.0.1:5672',
        kafkaBrokers: (process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(','),
      },
      say,
    ),
  ),
)

for (const client of [running.clients.tcp, running.clients.redis, running.clients.amqp, running.clients.audit])
  say(await orThrow(client.send('greet', 'Ada', t.string)))
const heard = firstValueFrom(running.outcome$.pipe(filter(({ kind }) => kind === 'event')))
await orThrow(running.clients.audit.emit('greeted', 'Ada'))
await heard

const { drained, unsettled } = await running.stop()
say(`stopped: ${drained} drained, ${unsettled} unsettled`)
