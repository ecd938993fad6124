import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { delays } from '../../../core/retry.js'
import { createMicroservice } from '../../../microservice.js'
import type { Running } from '../../../runtime/running.js'
import type { Guarantee } from '../case.js'
import { check, eventually, gate, pause, right, same } from '../expect.js'
import { refuses, type Definition, type Stage } from '../stage.js'
import { optionsOf, ways, type Way } from '../ways.js'

/** Which attempts were started, by the name of the event. */
type Starts = Map<string, ReadonlyArray<number>>

const of = (starts: Starts, name: string): ReadonlyArray<number> => starts.get(name) ?? []

/** Fails as often as the event says, and holds the only slot where it says so. */
const counting = (way: Way, starts: Starts, door: Promise<void> = Promise.resolve()): Definition =>
  createMicroservice('counting', { retry: delays(40, 40, 40), classify: () => 'retryable', concurrency: 1 }).onEvent(
    'count',
    t.type({ name: t.string, fails: t.number, waits: t.boolean }),
    ({ name, fails, waits }, { attempt }) =>
      async () => {
        const before = of(starts, name)
        starts.set(name, [...before, attempt])
        if (waits) await door
        return before.length < fails ? E.left('not yet') : E.right(undefined)
      },
    way === 'worked out' ? { orderingKey: ({ name }) => name } : {},
  )

const emit = async ({ call }: Stage, way: Way, to: Running, name: string, fails: number, waits = false) => {
  const client = call([to])
  right('emit', await client.emit('count', { name, fails, waits }, optionsOf(way, name))())
}

const delayed = async (stage: Stage, way: Way): Promise<void> => {
  const starts: Starts = new Map()
  const running = await stage.serve(counting(way, starts))
  await emit(stage, way, running, 'delayed', 2)
  await stage.until('it is started three times', () => of(starts, 'delayed').length === 3)
  same(`the attempts of an event whose key is ${way}`, of(starts, 'delayed'), [1, 2, 3])
  await running.stop()
}

/**
 * A restart between the first and the second start: during the delay, or when it is over and the slot is taken. Where
 * nothing survives that, the stop reports a loss.
 */
const restarted = async (stage: Stage, way: Way, during: 'the delay' | 'the wait for a slot'): Promise<void> => {
  const { serve, until, capabilities } = stage
  const what = `of an event whose key is ${way}, restarted during ${during},`
  const starts: Starts = new Map()
  const door = gate()
  const before = await serve(counting(way, starts, door.passed))
  await emit(stage, way, before, 'it', 1)
  await until('it is started', () => of(starts, 'it').length === 1)
  if (during === 'the wait for a slot') {
    await emit(stage, way, before, 'other', 0, true)
    await until('the slot is taken', () => of(starts, 'other').length === 1)
    await pause(60)
  }
  const stopping = before.stop()
  // n.b. what has not started is given back at the beginning of the stop, and not if the slot is free by then
  await pause(20)
  door.open()
  const { lost } = await stopping
  const after = await serve(counting(way, starts))
  await emit(stage, way, after, 'control', 1)
  await until('an event that is retried after the restart is started twice', () => of(starts, 'control').length === 2)
  if (lost > 0) {
    check(!capabilities.durable, 'a durable transport lost a retry')
    same(`the attempts ${what} and reported as lost`, of(starts, 'it'), [1])
  } else {
    const ms = capabilities.durable ? stage.patience : 1_000
    await eventually(ms, `a second start ${what} or the report of its loss`, () => of(starts, 'it').length === 2)
    same(`the attempts ${what}`, of(starts, 'it'), [1, 2])
  }
  await after.stop()
}

const exact = async (stage: Stage): Promise<void> => {
  for (const way of ways) {
    await delayed(stage, way)
    await restarted(stage, way, 'the delay')
    await restarted(stage, way, 'the wait for a slot')
  }
}
const withinOneProcess = async (stage: Stage): Promise<void> => {
  await refuses(stage, counting('none', new Map()), 'exactAttempts')
  for (const way of ways) await delayed(stage, way)
}

export const attempts: ReadonlyArray<Guarantee> = [
  {
    id: 'C18',
    title:
      'Attempts are numbered 1, 2, 3 over every redelivery, and over a restart of the service unless that reports a loss.',
    examine: exact,
    unless: {
      lacks: ({ exactAttempts }) => !exactAttempts,
      title: 'Attempts are numbered 1, 2, 3 within one process.',
      examine: withinOneProcess,
    },
  },
]
