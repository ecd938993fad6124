/** Requests without a broker: how many are committed, run and wait, and what becomes of those that wait. */
import type { EachBatchPayload } from 'kafkajs'
import { expect, test } from 'vitest'
import type { Clock } from '../../../lib/core/clock.js'
import type { Deliver, Delivery } from '../../../lib/core/delivery.js'
import type { Settlement } from '../../../lib/core/settlement.js'
import { replyHeader, requestHeader } from '../../../lib/transport/broker/addressed.js'
import type { KafkaContext } from '../../../lib/transport/kafka/context.js'
import type { Member } from '../../../lib/transport/kafka/member.js'
import { namesOf } from '../../../lib/transport/kafka/names.js'
import { settingsOf } from '../../../lib/transport/kafka/options.js'
import type { Record } from '../../../lib/transport/kafka/outbox.js'
import { requests } from '../../../lib/transport/kafka/requests.js'

const concurrency = 3
const window = 5
const names = namesOf('')
const topic = names.requests('a')
const replied: Settlement = { _tag: 'Reply', status: 'ok', body: '1' }
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const clock: Clock = { now: () => 0, unix: () => 0, after: () => () => undefined }

const bench = () => {
  const handed: Array<{ readonly offset: string; readonly settle: (settlement: Settlement) => void }> = []
  const committed: Array<string> = []
  const answers: Array<string> = []
  const deliver: Deliver<KafkaContext<'kafka'>> = ({ context }: Delivery<KafkaContext<'kafka'>>, settle) => {
    handed.push({ offset: context.offset, settle })
  }
  const on = requests({
    settings: settingsOf({ brokers: ['x:1'] }).settings,
    name: 'kafka',
    names,
    environment: { clock, random: () => 0, log: () => undefined, group: 'g', instance: 'i' },
    subscriptions: [{ kind: 'message', pattern: 'a', endpoint: 'a', concurrency, window }],
    deliver,
    replyPartitions: () => 1,
    reply: (_: number, { headers }: Record) => answers.push(String(headers[replyHeader])),
  } as unknown as Parameters<typeof requests>[0])
  const consumer = { pause: () => undefined, resume: () => undefined }
  on.assigned([{ topic, partition: 0, offset: 0, fresh: true }], { consumer } as unknown as Member)
  const take = (count: number): Promise<void> =>
    on.batch({
      batch: {
        topic,
        partition: 0,
        messages: Array.from({ length: count }, (_, offset) => ({
          offset: String(offset),
          key: null,
          value: Buffer.from('1'),
          timestamp: '0',
          headers: { [requestHeader]: Buffer.from(`c${String(offset)} ${names.replies}/0 1000 `) },
        })),
      },
      commitOffsetsIfNecessary: ({
        topics,
      }: {
        topics: ReadonlyArray<{ partitions: ReadonlyArray<{ offset: string }> }>
      }) => {
        committed.push(topics[0]?.partitions[0]?.offset ?? '')
        return Promise.resolve()
      },
      isRunning: () => true,
      isStale: () => false,
      resolveOffset: () => undefined,
    } as unknown as EachBatchPayload)
  return { on, handed, committed, answers, take }
}

test('no more run than the window, and as many as may run at once are committed in advance', async () => {
  const { handed, committed, take } = bench()
  void take(20)
  await turn()
  await turn()
  expect(committed).toEqual([String(window + concurrency)])
  expect(handed.map(({ offset }) => offset)).toEqual(['0', '1', '2', '3', '4'])
  handed[1]?.settle(replied)
  expect(handed.map(({ offset }) => offset)).toEqual(['0', '1', '2', '3', '4', '5'])
  await turn()
  await turn()
  expect(committed).toEqual(['8', '9'])
})

test('a batch that fits is committed once, and nothing of it runs before', async () => {
  const { handed, committed, take } = bench()
  const taken = take(8)
  expect([committed, handed.length]).toEqual([[], 0])
  await taken
  expect([committed, handed.length]).toEqual([['8'], 5])
})

test('what is committed and does not run when the service stops is answered as not processed', async () => {
  const { on, handed, answers, take } = bench()
  await take(8)
  await on.stop()
  expect(answers).toEqual(['c5 refused', 'c6 refused', 'c7 refused'])
  handed[0]?.settle(replied)
  expect([answers.at(-1), handed.length]).toEqual(['c0 ok', 5])
})
