import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { emitAll } from '../emit.js'
import { check, left, right, same } from '../expect.js'
import { history, lost } from '../history.js'
import { refuses, token, type Definition, type Stage } from '../stage.js'
import { tap } from '../tap.js'

const collector = (name: string, seen: Array<number>): Definition =>
  createMicroservice(name).onEvent('numbers', t.number, (n) => TE.fromIO(() => void seen.push(n)))

const live = async ({ serve, call, until }: Stage): Promise<void> => {
  for (let round = 0; round < 200; round++) {
    const seen: Array<number> = []
    const running = await serve(collector(`live${round}`, seen))
    const client = call([running])
    right(`emit ${round}`, await client.emit('numbers', round)())
    await until(`round ${round}: what is published right after listen arrives`, () => seen.length === 1)
    await client.close()
    await running.stop()
  }
}

/** Started, stopped, published into the gap, started again: what arrived. */
const gap = async ({ serve, call, until }: Stage): Promise<ReadonlyArray<number>> => {
  const seen: Array<number> = []
  const first = await serve(collector('sleeper', seen))
  const before = call([first])
  right('emit', await before.emit('numbers', 1)())
  await until('the first event arrives', () => seen.includes(1))
  await first.stop()
  await before.emit('numbers', 2, { timeout: 300 })()
  await before.close()
  const again = await serve(collector('sleeper', seen))
  right('emit', await call([again]).emit('numbers', 3)())
  await until('an event after the second start arrives', () => seen.includes(3))
  return seen
}

const kept = async (stage: Stage): Promise<void> => {
  same('what arrived', await gap(stage), [1, 2, 3])
}
const notKept = async (stage: Stage): Promise<void> => {
  await refuses(stage, collector('refused', []), 'durable')
  same('what arrived', await gap(stage), [1, 3])
}

const accepted = async ({ serve, call, callOn, world, until }: Stage): Promise<void> => {
  const page = history()
  const running = await serve(
    createMicroservice('accepting').onEvent('numbers', t.number, (n) => TE.fromIO(() => page.handled(n)), {
      concurrency: 4,
    }),
  )
  const client = call([running])
  await emitAll(client, 'numbers', page, { to: 200 })
  await client.close()
  await until(
    () => `what was accepted is handled though its sender left at once (lost ${lost(page).length})`,
    () => lost(page).length === 0,
  )

  let withheld = 0
  const silent = callOn(
    tap(world.client([running], token), ({ publish }) => ({
      publish: (message) =>
        publish(message, () => {
          withheld += 1
        }),
    })),
  )
  left(
    'emit whose acceptance never came',
    await silent.emit('numbers', 0, { timeout: 200 })(),
    'OutcomeUnknown',
    'TimeoutError',
  )
  check(withheld <= 1, 'an emit without an answer is sent once')
}

const nobody = async ({ serve, call }: Stage): Promise<void> => {
  const client = call([await serve(collector('somebody', []))])
  left('a mandatory emit that nobody hears', await client.emit('unheard', 1, { mandatory: true })(), 'NoHandler')
  const result = await client.emit('unheard', 1)()
  if (result._tag === 'Left') left('an emit that nobody hears', result, 'NoHandler')
}
const nobodyKnows = async (stage: Stage): Promise<void> => {
  await refuses(stage, collector('refused', []), 'noHandler')
  const client = stage.call([await stage.serve(collector('somebody', []))])
  right('a mandatory emit that nobody hears', await client.emit('unheard', 1, { mandatory: true })())
}

export const acceptance: ReadonlyArray<Guarantee> = [
  {
    id: 'C05',
    title: 'What is published right after listen has resolved arrives, 200 times out of 200.',
    examine: live,
  },
  {
    id: 'C06',
    title: 'What is published while a known service is stopped waits for it.',
    examine: kept,
    unless: {
      lacks: ({ durable }) => !durable,
      title: 'What is published while a service is stopped is not kept for it.',
      examine: notKept,
    },
  },
  {
    id: 'C07',
    title: 'emit is Right only after acceptance: what was accepted is handled, and silence is OutcomeUnknown.',
    examine: accepted,
  },
  {
    id: 'C08',
    title: 'A mandatory emit that nobody hears is NoHandler.',
    examine: nobody,
    unless: {
      lacks: ({ noHandler }) => !noHandler,
      title: 'Nobody can know whether somebody hears an event: a mandatory emit is Right.',
      examine: nobodyKnows,
    },
  },
]
