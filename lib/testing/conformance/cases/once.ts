import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { createMicroservice } from '../../../microservice.js'
import { memoryDedupe } from '../../../runtime/memory-dedupe.js'
import type { Guarantee } from '../case.js'
import { gate, right, same } from '../expect.js'
import { reports } from '../reports.js'
import type { Stage } from '../stage.js'

const copies = 3

/** What a service of two replicas does with messages that share an id: it counts them while they are held up by a door. */
const once = async (stage: Stage): Promise<void> => {
  const { serve, call, until } = stage
  const door = gate()
  const effects: Array<string> = []
  const effect = (what: string) => async () => {
    const n = effects.push(what)
    await door.passed
    return E.right(n)
  }
  const definition = createMicroservice('once', { dedupe: memoryDedupe() })
    .onEvent('once.event', t.string, (what) => async () => {
      await effect(what)()
      return E.right(undefined)
    })
    .onMessage('once.message', t.string, (what) => effect(what), { reply: t.number })
  const replicas = [await serve(definition), await serve(definition)]
  const outcomes = replicas.map(reports)
  const duplicates = (kind: 'event' | 'message'): number =>
    outcomes.flat().filter((one) => one._tag === 'Duplicate' && one.kind === kind).length
  const client = call(replicas)
  const emit = async (): Promise<void> => {
    right('emit', await client.emit('once.event', 'event', { messageId: 'one' })())
  }
  const ask = async (): Promise<number> =>
    right('send', await client.send('once.message', 'message', t.number, { messageId: 'one' })())

  const asked = Promise.all(Array.from({ length: copies }, ask))
  await until('the request is being handled', () => effects.includes('message'))
  await Promise.all(Array.from({ length: copies }, emit))
  await until('the event is being handled', () => effects.includes('event'))
  door.open()
  const replies = await asked
  for (let i = 0; i < copies; i++) {
    replies.push(await ask())
    await emit()
  }
  for (const kind of ['event', 'message'] as const)
    await until(
      () => `every repeated ${kind} is reported as a duplicate (${duplicates(kind)} are)`,
      () => duplicates(kind) >= 2 * copies - 1,
    )
  same('effects', [...effects].sort(), ['event', 'message'])
  same('the replies to one id', new Set(replies).size, 1)
}

export const onceOnly: ReadonlyArray<Guarantee> = [
  {
    id: 'C27',
    title: 'With a dedupe store, the same message id, three times at once and three in a row, has its effect once.',
    examine: once,
  },
]
