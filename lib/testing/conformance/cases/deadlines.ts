import * as t from 'io-ts'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { realClock } from '../../../core/clock.js'
import type { Context } from '../../../core/context.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each } from '../emit.js'
import { check, gate, left, right, same } from '../expect.js'
import { reports } from '../reports.js'
import { token, type Stage } from '../stage.js'
import { tap } from '../tap.js'

// As many requests time out as may be pending at all: if one of them stayed, the next call would be refused.
const timeouts = async ({ serve, call, callOn, world, until }: Stage): Promise<void> => {
  const door = gate()
  let started = 0
  const running = await serve(
    createMicroservice('slow')
      .onMessage('slow', t.unknown, () => async () => {
        started += 1
        await door.passed
        return E.right('late')
      })
      .onMessage('fast', t.unknown, () => TE.right('in time')),
  )
  const outcomes = reports(running)
  const client = call([running])
  right('send', await client.send('fast', 1, t.string)())
  const began = realClock.now()
  left('a request past its timeout', await client.send('slow', 0, t.string, { timeout: 200 })(), 'TimeoutError')
  const took = realClock.now() - began
  check(took >= 199 && took <= 200 + 500, `a timeout of 200 ms took ${Math.round(took)} ms`)
  await each({ to: 10_000, window: 10_000 }, async (i) => {
    left('a request past its timeout', await client.send('slow', i, t.string, { timeout: 300 })(), 'TimeoutError')
  })
  // n.b. a callee learns of the end a moment after its caller, and what it says until then is no late result
  const timedOut = () => outcomes.filter(({ _tag }) => _tag === 'TimedOut').length
  await until(
    () => `the handlers run out of time (${timedOut()} of ${started})`,
    () => timedOut() === started,
  )
  door.open()
  const lates = () => outcomes.filter(({ settlement }) => settlement === 'Late').length
  await until(
    () => `late results are reported (${lates()} of ${started})`,
    () => lates() === started,
  )
  same('a request after all those', right('send', await client.send('fast', 1, t.string)()), 'in time')
  check(started < 10_000, 'requests past their deadline were started')

  // Replies that come when nobody waits any more.
  const held: Array<() => void> = []
  const late = callOn(
    tap(world.client([running], token), ({ request }) => ({
      request: (message, answer) => {
        request(message, (given) =>
          held.push(() => {
            answer(given)
          }),
        )
        return () => 'maybe'
      },
    })),
  )
  const answer = await late.send('fast', 1, t.string, { timeout: 100 })()
  left('a request whose reply is late', answer, 'TimeoutError')
  await until('the late reply is there', () => held.length === 1)
  for (const give of held) give()
}

const hops = async ({ serve, call, until }: Stage): Promise<void> => {
  const remaining = new Map<string, number>()
  const note = (hop: string, { deadline }: Context): void => {
    remaining.set(hop, deadline._tag === 'Some' ? deadline.value - realClock.now() : Number.NaN)
  }
  const hop = async (name: string, next?: (context: Context) => TE.TaskEither<unknown, unknown>) => {
    const client = call([
      await serve(
        createMicroservice(name).onMessage(name, t.unknown, (_, context) => {
          note(name, context)
          return next === undefined ? TE.right(null) : next(context)
        }),
      ),
    ])
    return (from?: Context) => client.send(name, 1, t.unknown, from === undefined ? { timeout: 5_000 } : { from })
  }
  right('send over three hops', await (await hop('one', await hop('two', await hop('three'))))()())
  const times = ['one', 'two', 'three'].map((name) => remaining.get(name) ?? Number.NaN)
  // Each hop leaves 5 ms to its caller; what travels is rounded to whole milliseconds.
  check(
    times.every((time, i) => time > 0 && time <= (i === 0 ? 5_001 : (times[i - 1] ?? 0) - 4)),
    `the time that is left on three hops does not shrink: ${times.map(Math.round).join(', ')} ms`,
  )

  const door = gate()
  const ran: Array<number> = []
  const busy = await serve(
    createMicroservice('busy').onMessage(
      'busy',
      t.number,
      (n) => async () => {
        ran.push(n)
        await door.passed
        return E.right(n)
      },
      { concurrency: 1 },
    ),
  )
  const client = call([busy])
  const holding = client.send('busy', 1, t.number)()
  await until('the only slot is taken', () => ran.length === 1)
  left(
    'a request that expires while it waits',
    await client.send('busy', 2, t.number, { timeout: 100 })(),
    'TimeoutError',
  )
  door.open()
  right('send', await holding)
  right('send', await client.send('busy', 3, t.number)())
  same('requests that ran', ran, [1, 3])
}

export const deadlines: ReadonlyArray<Guarantee> = [
  {
    id: 'C30',
    title:
      'A request past its timeout ends in time and leaves nothing pending; its late reply is dropped and reported.',
    examine: timeouts,
  },
  {
    id: 'C34',
    title: 'A deadline shrinks over three hops, and a request past its deadline never runs.',
    examine: hops,
  },
]
