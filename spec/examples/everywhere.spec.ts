/** One service on four transports, in a process of its own, against real brokers. */
import { expect, test } from 'vitest'
import { withBroker } from '../brokers/suite.js'
import { program } from './processes.js'

await withBroker('redis', (redisUrl) =>
  withBroker('amqp', (amqpUrl) =>
    withBroker('kafka', (kafkaBrokers) => {
      test('one service answers the same pattern on four transports, with the context of each', async () => {
        const env = { REDIS_URL: redisUrl, AMQP_URL: amqpUrl, KAFKA_BROKERS: kafkaBrokers }
        const { code, out, err } = await program('everywhere/main.ts', [], env).ended
        expect(err).toEqual([])
        expect(code).toBe(0)
        expect(out).toEqual([
          'hello Ada, from 127.0.0.1',
          expect.stringMatching(/^hello Ada, by entry \d+-\d+ of \S+$/),
          expect.stringMatching(/^hello Ada, by queue \S+$/),
          expect.stringMatching(/^hello Ada, at offset \d+ of \S+$/),
          expect.stringMatching(/^audit: Ada at greeted\/\d+\/\d+$/),
          expect.stringMatching(/^stopped: \d+ drained, 0 unsettled$/),
        ])
      }, 120_000)
    }),
  ),
)
