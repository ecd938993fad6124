/** A replica whose handler never ends: `victim.ts <brokers> <prefix>`. Says `ready`, and `started` for each start. */
import * as t from 'io-ts'
import { listen } from '../../../lib/runtime/listen.js'
import { createMicroservice } from '../../../lib/microservice.js'
import { kafka } from '../../../lib/transport/kafka/index.js'

const [url = '', prefix = ''] = process.argv.slice(2)

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
      return new Promise<never>(() => undefined)
    }),
)()
process.send?.(started._tag === 'Right' ? 'ready' : 'failed')
