import * as t from 'io-ts'
import { delays } from '../../../core/retry.js'
import type { EmitOptions } from '../../../client/options.js'
import { createMicroservice } from '../../../microservice.js'
import type { Capabilities } from '../../../transport/transport.js'
import type { Guarantee } from '../case.js'
import { emitAll } from '../emit.js'
import { check, same, turn } from '../expect.js'
import { duplicates, history, ids, lost, overtaken, type History } from '../history.js'
import { refuses, type Definition, type Stage } from '../stage.js'

const right = { _tag: 'Right', right: undefined } as const
// Two neighbours share a key, so that whoever lets one overtake the other is found out.
const keyOf = (id: number): string => `key-${(id >> 1) % 16}`

/** The key travels with the event, or is worked out from its payload by the endpoint. */
const ways = [
  { name: 'sent', policy: {}, options: (id: number): EmitOptions => ({ key: keyOf(id) }) },
  { name: 'worked out', policy: { orderingKey: keyOf }, options: (): EmitOptions => ({}) },
] as const
type Way = (typeof ways)[number]

const fifo = async ({ serve, call, until }: Stage, options: EmitOptions = {}): Promise<void> => {
  const page = history()
  const running = await serve(
    createMicroservice('fifo').onEvent(
      'ordered',
      t.number,
      (id) => async () => {
        if (id % 3 === 0) await Promise.resolve()
        page.handled(id)
        return right
      },
      { concurrency: 1 },
    ),
  )
  await emitAll(call([running]), 'ordered', page, { to: 10_000, options: () => options })
  await until(
    () => `all are handled (${page.count('handled')} of 10,000)`,
    () => page.count('handled') >= 10_000,
  )
  same('overtaken', overtaken(page), undefined)
  same('handled twice', duplicates(page), [])
}

const fifoOfKey = async (stage: Stage): Promise<void> => {
  await refuses(stage, idle, 'ordered')
  await fifo(stage, { key: 'one' })
}

const idle: Definition = createMicroservice('refused').onEvent('idle', t.unknown, () => () => Promise.resolve(right))

// Where events without a key come in no order, an endpoint that works a key out keeps the order they come in.
const inOrder = ({ ordered }: Capabilities, page: History, way: Way): void => {
  if (ordered || way.name === 'sent') same('overtaken within its key', overtaken(page, keyOf), undefined)
}

const lanes = async ({ serve, call, until, capabilities }: Stage, way: Way): Promise<void> => {
  const page = history()
  const busy = new Set<string>()
  let most = 0
  let overlaps = 0
  const running = await serve(
    createMicroservice(`lanes, ${way.name}`).onEvent(
      'keyed',
      t.number,
      (id) => async () => {
        const key = keyOf(id)
        if (busy.has(key)) overlaps += 1
        busy.add(key)
        most = Math.max(most, busy.size)
        for (let i = 0; i < id % 4; i++) await turn()
        busy.delete(key)
        page.handled(id)
        return right
      },
      { concurrency: 8, ...way.policy },
    ),
  )
  await emitAll(call([running]), 'keyed', page, { to: 8_000, options: way.options })
  await until(
    () => `all are handled (${page.count('handled')} of 8,000)`,
    () => page.count('handled') >= 8_000,
  )
  inOrder(capabilities, page, way)
  same('handled twice', duplicates(page), [])
  same('events of one key that ran at once', overlaps, 0)
  check(most > 1 && most <= 8, `${most} keys at once with concurrency 8`)
}

// The failing key fails until the other fifteen are through: if it held them up, it would run out of attempts. Where it
// may hold up those of its partition, one other key has to get through.
const parkedLane = async ({ serve, call, until, capabilities }: Stage, way: Way): Promise<void> => {
  const page = history()
  const others = capabilities.isolatedRetry ? 15 * 20 : 20
  const starts: Array<number> = []
  const running = await serve(
    createMicroservice(`parking, ${way.name}`).onEvent(
      'keyed',
      t.number,
      (id) => async () => {
        if (keyOf(id) === 'key-0') starts.push(id)
        // n.b. the first start in any case: others may be through before it
        const first = starts.filter((one) => one === 0).length === 1
        if (id === 0 && (first || page.count('handled') < others)) return { _tag: 'Left', left: 'not yet' } as const
        await turn()
        page.handled(id)
        return right
      },
      {
        ...way.policy,
        concurrency: 8,
        classify: () => 'retryable',
        retry: delays(...Array.from({ length: 40 }, () => 50)),
      },
    ),
  )
  await emitAll(call([running]), 'keyed', page, { to: 320, options: way.options })
  await until(
    () => `the failing key lets others go on (${page.count('handled')} of 320 handled)`,
    () => page.count('handled') >= 320,
  )
  check(starts.filter((id) => id === 0).length > 1, 'the failing one was started again')
  same('lost', lost(page), [])
  inOrder(capabilities, page, way)
  if (!capabilities.ordered && way.name === 'worked out') return
  const own = ids(page, 'handled').filter((id) => keyOf(id) === 'key-0')
  same(
    'the order of the failing key',
    own,
    [...own].sort((a, b) => a - b),
  )
  check(starts.indexOf(1) > starts.lastIndexOf(0), 'the next of the key started before the failing one was done')
}

const parkedLanes = async (stage: Stage): Promise<void> => {
  for (const way of ways) await parkedLane(stage, way)
}

export const order: ReadonlyArray<Guarantee> = [
  {
    id: 'C12',
    title: 'One consumer with concurrency 1 handles 10,000 events in the order of their emits.',
    examine: (stage) => fifo(stage),
    unless: {
      lacks: ({ ordered }) => !ordered,
      title: 'One consumer with concurrency 1 handles 10,000 events of one key in the order of their emits.',
      examine: fifoOfKey,
    },
  },
  {
    id: 'C13',
    title: 'Events of one key are handled in order, one at a time, while other keys run beside it.',
    examine: async (stage) => {
      for (const way of ways) await lanes(stage, way)
    },
  },
  {
    id: 'C14',
    title: 'A key whose event is being retried waits alone: 15 others go on, and its order resumes.',
    examine: parkedLanes,
    unless: {
      lacks: ({ isolatedRetry }) => !isolatedRetry,
      title:
        'A key whose event is being retried holds up its partition: other partitions go on, and its order resumes.',
      examine: async (stage) => {
        await refuses(stage, idle, 'isolatedRetry')
        await parkedLanes(stage)
      },
    },
  },
]
