import * as t from 'io-ts'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Client } from '../../../client/client.js'
import { realClock } from '../../../core/clock.js'
import type { Context } from '../../../core/context.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each } from '../emit.js'
import { check, gate, left, right, same, within } from '../expect.js'
import { reports } from '../reports.js'
import { refuses, token, type Stage } from '../stage.js'
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
        return () => undefined
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

interface Watched {
  readonly started: () => number
  readonly reasons: Array<unknown>
}
const watching = async ({
  serve,
  call,
}: Stage): Promise<Watched & { readonly direct: Client; readonly over: Client }> => {
  const reasons: Array<unknown> = []
  let started = 0
  const direct = call([
    await serve(
      createMicroservice('callee').onMessage('wait', t.unknown, (_, { signal }) => async () => {
        started += 1
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            resolve()
          })
        })
        return E.right(undefined)
      }),
    ),
  ])
  const over = call([
    await serve(
      createMicroservice('between').onMessage('over', t.unknown, (_, context) =>
        direct.send('wait', 1, t.unknown, { from: context }),
      ),
    ),
  ])
  return { direct, over, reasons, started: () => started }
}

const cancel = async (stage: Stage): Promise<void> => {
  const { direct, over, reasons, started } = await watching(stage)
  const ways: Readonly<Record<string, (pattern: string, client: Client, begun: () => Promise<void>) => Promise<void>>> =
    {
      'its signal': async (pattern, client, begun) => {
        const controller = new AbortController()
        const result = client.send(pattern, 1, t.unknown, { signal: controller.signal })()
        await begun()
        controller.abort()
        left('a cancelled request', await within(1_000, 'the cancelled request', result), 'Cancelled')
      },
      unsubscribing: async (pattern, client, begun) => {
        const subscription = client.sendAsObservable(pattern, 1, t.unknown).subscribe({ error: () => undefined })
        await begun()
        subscription.unsubscribe()
      },
    }
  let expected = 0
  for (const [way, run] of Object.entries(ways))
    for (const [pattern, client] of [
      ['wait', direct],
      ['over', over],
    ] as const) {
      expected += 1
      await run(pattern, client, () => stage.until('the handler starts', () => started() === expected))
      const began = realClock.now()
      await stage.until(`the signal of the handler fires after a cancel by ${way}`, () => reasons.length === expected)
      check(realClock.now() - began < 1_000, `a cancel by ${way} took more than a second`)
    }
  check(
    reasons.every((reason) => reason === 'cancelled'),
    `signals were aborted because of ${String(reasons)}`,
  )
}
const forget = async (stage: Stage): Promise<void> => {
  const { direct, reasons, started } = await watching(stage)
  await refuses(
    stage,
    createMicroservice('x').onMessage('x', t.unknown, () => TE.right(1)),
    'cancel',
  )
  const controller = new AbortController()
  const result = direct.send('wait', 1, t.unknown, { signal: controller.signal })()
  await stage.until('the handler starts', () => started() === 1)
  controller.abort()
  left('a cancelled request', await within(1_000, 'the cancelled request', result), 'Cancelled')
  same('signals that fired', reasons, [])
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
  {
    id: 'C35',
    title: 'Cancelling a request fires the signal of its handler, and of the handlers that this one waits for.',
    examine: cancel,
    unless: {
      lacks: (capabilities) => !capabilities.cancel,
      title: 'Cancelling a request ends it for the caller alone.',
      examine: forget,
    },
  },
]
