/** Events without a broker: what a consumer does with what kafkajs hands it. */
import type { EachBatchPayload } from 'kafkajs'
import { expect, test } from 'vitest'
import type { Clock } from '../../../lib/core/clock.js'
import type { Deliver } from '../../../lib/core/delivery.js'
import type { Settlement } from '../../../lib/core/settlement.js'
import { unwritten } from '../../../lib/core/unwritten.js'
import { closed } from '../../../lib/transport/broker/failing.js'
import type { KafkaContext } from '../../../lib/transport/kafka/context.js'
import { events, type Events } from '../../../lib/transport/kafka/events.js'
import type { Member } from '../../../lib/transport/kafka/member.js'
import { namesOf } from '../../../lib/transport/kafka/names.js'
import { settingsOf } from '../../../lib/transport/kafka/options.js'
import type { Sent } from '../../../lib/transport/kafka/outbox.js'

const reason = {
  _tag: 'HandlerFailed' as const,
  message: 'no',
  errorId: undefined,
  attempts: 5,
  firstFailedAt: 0,
  lastFailedAt: 0,
}

interface Bench {
  readonly on: Events
  readonly timers: Set<() => void>
  readonly written: Array<Sent>
  readonly take: (...offsets: ReadonlyArray<number>) => Promise<void>
}

const bench = (settlement: Settlement): Bench => {
  const timers = new Set<() => void>()
  const written: Array<Sent> = []
  const clock: Clock = {
    now: () => 0,
    unix: () => 0,
    after: (_, run) => {
      timers.add(run)
      return () => timers.delete(run)
    },
  }
  const deliver: Deliver<KafkaContext<'kafka'>> = (_, settle) => {
    settle(settlement)
  }
  const on = events({
    settings: settingsOf({ brokers: ['x:1'] }).settings,
    name: 'kafka',
    names: namesOf(''),
    environment: { clock, random: () => 0, log: () => undefined, group: 'g', instance: 'i' },
    subscriptions: [{ kind: 'event', pattern: 'a', endpoint: 'a', window: 10 }],
    deliver,
    write: (_topic: string, _record: unknown, done: Sent) => {
      written.push(done)
    },
    writes: unwritten(clock),
  } as unknown as Parameters<typeof events>[0])
  const consumer = { pause: () => undefined, resume: () => undefined }
  const commit = () => Promise.resolve()
  on.assigned([{ topic: 'a', partition: 0, offset: 0, fresh: true }], { consumer, commit } as unknown as Member)
  const take = (...offsets: ReadonlyArray<number>): Promise<void> =>
    on.batch({
      batch: {
        topic: 'a',
        partition: 0,
        messages: offsets.map((offset) => ({
          offset: String(offset),
          key: null,
          value: Buffer.from('1'),
          headers: {},
        })),
      },
      commitOffsetsIfNecessary: commit,
      isRunning: () => true,
      isStale: () => false,
      resolveOffset: () => undefined,
    } as unknown as EachBatchPayload)
  return { on, timers, written, take }
}

test('a dead letter that is under way when the connection closes leaves nothing that goes on', async () => {
  const { on, timers, written, take } = bench({ _tag: 'DeadLetter', reason } as unknown as Settlement)
  await take(0)
  expect(written.length).toBe(1)
  on.stop()
  await on.flush()
  on.close()
  written[0]?.(closed('no'))
  expect([timers.size, written.length]).toEqual([0, 1])
})
