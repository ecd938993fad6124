import * as t from 'io-ts'
import { realClock } from '../../../core/clock.js'
import { delays } from '../../../core/retry.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each } from '../emit.js'
import { check, gate, right, same } from '../expect.js'
import { reports } from '../reports.js'
import { optionsOf, ways } from '../ways.js'
import { refuses, type Definition, type Stage } from '../stage.js'

const done = { _tag: 'Right', right: undefined } as const
const failed = { _tag: 'Left', left: 'not yet' } as const

const hanging = (starts: Array<number>, until: Promise<void>): Definition =>
  createMicroservice('hanging').onEvent('work', t.unknown, (_, context) => async () => {
    starts.push(context.attempt)
    await until
    return done
  })

/** A replica is killed while its handler runs: how that ended, and what had been acknowledged before. */
const killed = async (stage: Stage, starts: Array<number>): Promise<void> => {
  const door = gate()
  const running = await stage.serve(hanging(starts, door.passed), { drainTimeout: 20, abortGrace: 20 })
  const outcomes = reports(running)
  right('emit', await stage.call([running]).emit('work', 1)())
  await stage.until('the handler starts', () => starts.length === 1)
  same('what was settled before the handler was done', outcomes.length, 0)
  same('the report of the stop', await running.stop(), { drained: 0, aborted: 0, unsettled: 1, lost: 0 })
  door.open()
}
const redelivered = async (stage: Stage): Promise<void> => {
  const starts: Array<number> = []
  await killed(stage, starts)
  await stage.serve(hanging(starts, Promise.resolve()))
  await stage.until('what was not acknowledged is delivered again', () => starts.length === 2)
}
const gone = async (stage: Stage): Promise<void> => {
  await refuses(stage, hanging([], Promise.resolve()), 'durable')
  await killed(stage, [])
}

const envelope = async ({ serve, call, until }: Stage): Promise<void> => {
  const waits = [60, 120]
  const starts = new Map<number, Array<number>>()
  const running = await serve(
    createMicroservice('retrying', { retry: delays(...waits), classify: () => 'retryable' }).onEvent(
      'retry',
      t.number,
      (id) => () => {
        starts.set(id, [...(starts.get(id) ?? []), realClock.now()])
        return Promise.resolve(failed)
      },
    ),
  )
  const outcomes = reports(running)
  const client = call([running])
  const count = 20
  await each({ to: count }, async (id) => {
    right('emit', await client.emit('retry', id, id % 2 === 0 ? {} : { key: String(id) })())
  })
  const total = count * (waits.length + 1)
  await until(
    () => `${total} starts are reported (${outcomes.length} are)`,
    () => outcomes.length >= total,
  )
  for (const [id, times] of starts) {
    same(`starts of event ${id}`, times.length, waits.length + 1)
    waits.forEach((wait, i) => {
      const gap = (times[i + 1] ?? 0) - (times[i] ?? 0)
      // n.b. timers of the machine may come a millisecond early; late they are on a busy one
      check(
        gap >= wait / 2 - 2 && gap <= 10 * wait,
        `${Math.round(gap)} ms before start ${i + 2}, for a delay of ${wait} ms`,
      )
    })
  }
  const last = outcomes.filter(({ attempt }) => attempt === waits.length + 1)
  check(
    last.every(({ settlement }) => settlement === 'DeadLetter' || settlement === 'Dropped'),
    'the last attempt ends it',
  )
  same('attempts that are the last', last.length, count)
}

// One event waits for its retry all the while: 100 others pass through the only slot.
const noSlot = async ({ serve, call, until }: Stage): Promise<void> => {
  for (const way of ways) {
    let handled = 0
    let failures = 0
    const running = await serve(
      createMicroservice('single', { retry: delays(10_000), classify: () => 'retryable' }).onEvent(
        'single',
        t.number,
        (id) => () => {
          if (id === 0) failures += 1
          else handled += 1
          return Promise.resolve(id === 0 ? failed : done)
        },
        { concurrency: 1, ...(way === 'worked out' ? { orderingKey: String } : {}) },
      ),
    )
    const client = call([running])
    right('emit', await client.emit('single', 0, optionsOf(way, '0'))())
    await until('the first one fails', () => failures === 1)
    await each({ from: 1, to: 101 }, async (id) => {
      right('emit', await client.emit('single', id, optionsOf(way, String(id)))())
    })
    await until(
      () => `100 finish while one whose key is ${way} waits for its retry (${handled} did)`,
      () => handled === 100,
    )
    same('starts of the one that is retried', failures, 1)
    await running.stop()
  }
}

// Each event has a key: what shares a partition with the one that waits is held up, the others are not.
const otherPartitions = async (stage: Stage): Promise<void> => {
  const { serve, call, until } = stage
  const handled = new Set<number>()
  let failures = 0
  const definition = createMicroservice('single', { retry: delays(2_000), classify: () => 'retryable' }).onEvent(
    'single',
    t.number,
    (id) => () => {
      const fails = id === 0 && failures === 0
      if (fails) failures += 1
      else handled.add(id)
      return Promise.resolve(fails ? failed : done)
    },
    { concurrency: 1 },
  )
  await refuses(stage, definition, 'isolatedRetry')
  const client = call([await serve(definition)])
  right('emit', await client.emit('single', 0, { key: '0' })())
  await until('the first one fails', () => failures === 1)
  await each({ from: 1, to: 101 }, async (id) => {
    right('emit', await client.emit('single', id, { key: String(id) })())
  })
  await until(
    () => `others finish while one waits for its retry (${handled.size} did)`,
    () => handled.size >= 10 || handled.has(0),
  )
  check(!handled.has(0), 'no other partition went on while one event waited for its retry')
  await until(
    () => `all finish in the end (${handled.size} of 101 did)`,
    () => handled.size === 101,
  )
}

export const retries: ReadonlyArray<Guarantee> = [
  {
    id: 'C17',
    title:
      'An event is acknowledged only after the Right of its handler: a replica that dies before leaves it to another.',
    examine: redelivered,
    unless: {
      lacks: ({ durable }) => !durable,
      title: 'An event whose service dies is reported as unsettled, and may be gone.',
      examine: gone,
    },
  },
  {
    id: 'C19',
    title:
      'A retryable Left is started again as often as the policy says, each time after half of its delay to all of it.',
    examine: envelope,
  },
  {
    id: 'C20',
    title: 'An event that waits for its retry holds no slot: with concurrency 1, 100 others finish meanwhile.',
    examine: noSlot,
    unless: {
      lacks: ({ isolatedRetry }) => !isolatedRetry,
      title: 'An event that waits for its retry holds up its partition, and no other.',
      examine: otherPartitions,
    },
  },
]
