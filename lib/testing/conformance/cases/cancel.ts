import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import type { Client } from '../../../client/client.js'
import { realClock } from '../../../core/clock.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { check, left, same, within } from '../expect.js'
import { refuses, type Stage } from '../stage.js'

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

export const cancels: ReadonlyArray<Guarantee> = [
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
