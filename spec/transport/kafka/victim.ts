/**
 * A replica that dies or is frozen: `victim.ts <brokers> <prefix> [ms]`. Says `ready`, and `started` for each start of its
 * handler, which takes so many milliseconds, or for ever.
 */
import * as t from 'io-ts'
import { listen } from '../../../lib/runtime/listen.js'
import { createMicroservice } from '../../../lib/microservice.js'
import { kafka } from '../../../lib/transport/kafka/index.js'

const [url = '', prefix = '', ms] = process.argv.slice(2)

const started = await listen(
  createMicroservice('mortal')
    .transport(
      kafka({
        brokers: [url],
        prefix,
        createTopics: { partitions: 3, replicationFactor: 1 },
        kafkajs: { consumer: { sessionTimeout: 6_000, heartbeatInterval: 1_000, maxWaitTimeInMs: 50 } },
      }),
    )
    .onEvent('work', t.number, () => () => {
      process.send?.('started')
      return new Promise((resolve) => {
        if (ms !== undefined) setTimeout(resolve, Number(ms), { _tag: 'Right', right: undefined } as const)
      })
    }),
)()
process.send?.(started._tag === 'Right' ? 'ready' : 'failed')
