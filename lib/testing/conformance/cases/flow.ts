import * as t from 'io-ts'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each } from '../emit.js'
import { check, gate, right, same, turn } from '../expect.js'
import { history, lost } from '../history.js'
import { retained } from '../memory.js'
import type { Stage } from '../stage.js'

const done = { _tag: 'Right', right: undefined } as const

const concurrency = async ({ serve, call, until }: Stage): Promise<void> => {
  for (const limit of [1, 7, 64])
    for (const kind of ['event', 'message'] as const) {
      const door = gate()
      let running = 0
      let most = 0
      let ended = 0
      const handler = () => async () => {
        running += 1
        most = Math.max(most, running)
        await door.passed
        await turn()
        running -= 1
        ended += 1
        return done
      }
      const empty = createMicroservice(`limited-${kind}-${limit}`)
      const options = { concurrency: limit }
      const service = await serve(
        kind === 'event'
          ? empty.onEvent('limited', t.unknown, handler, options)
          : empty.onMessage('limited', t.unknown, handler, options),
      )
      const client = call([service])
      const total = 3 * limit
      const calls = Array.from({ length: total }, (_, i) =>
        kind === 'event' ? client.emit('limited', i)() : client.send('limited', i, t.unknown)(),
      )
      await until(
        () => `${limit} handlers run at once (${running} ${kind}s do)`,
        () => running === limit,
      )
      for (let i = 0; i < 20; i++) await turn()
      door.open()
      for (const one of await Promise.all(calls)) right(kind, one)
      await until(
        () => `all end (${ended} of ${total})`,
        () => ended === total,
      )
      same(`the most that ran at once, with concurrency ${limit}`, most, limit)
      await client.close()
      await service.stop()
    }
}

const mebibyte = 1_048_576

// 500 MB are offered to one blocked handler. What is held in this process must stay far below; the rest is refused, is
// made to wait, or is at the broker.
const backPressure = async ({ serve, call, until }: Stage): Promise<void> => {
  const page = history()
  const door = gate()
  const running = await serve(
    createMicroservice('blocked').onEvent('flood', t.type({ id: t.number }), ({ id }) => async () => {
      await door.passed
      page.handled(id)
      return done
    }),
  )
  const client = call([running])
  const before = retained()
  const filler = 'x'.repeat(10_240)
  let refused = 0
  const offered = each({ to: 50_000, window: 50_000 }, async (id) => {
    page.emitted(id)
    const result = await client.emit('flood', { id, filler }, { timeout: 60_000 })()
    if (result._tag === 'Right') page.confirmed(id)
    else refused += 1
    if (id % 500 === 0) await turn()
  })
  await until('all are offered', () => page.count('emitted') === 50_000)
  for (let i = 0; i < 200; i++) await turn()
  const growth = (retained() - before) / mebibyte
  check(growth < 300, `memory grew by ${Math.round(growth)} MiB while 500 MB were published to a blocked handler`)
  door.open()
  await offered
  await until(
    () => `what was accepted is handled (${page.count('handled')} of ${page.count('confirmed')})`,
    () => page.count('handled') >= page.count('confirmed'),
  )
  same('lost', lost(page), [])
  check(page.count('confirmed') > 0 && page.count('confirmed') + refused === 50_000, 'every emit ends')
}

export const flow: ReadonlyArray<Guarantee> = [
  {
    id: 'C15',
    title: 'As many handlers run at once as concurrency says, and never more: 1, 7 and 64, of events and of requests.',
    examine: concurrency,
  },
  {
    id: 'C16',
    title:
      'While its handler is blocked, publishing 50,000 events of 10 KiB does not fill the memory, and nothing accepted is lost.',
    examine: backPressure,
  },
]
