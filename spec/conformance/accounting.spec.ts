/**
 * Of 2,000 events, some fail for good, some for a while, some throw, while replicas come and go: each one that was
 * accepted is handled, set aside, or reported as lost, once, and its attempts are counted without a gap.
 */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { createMicroservice, delays, orThrow, type Running } from 'taskwire'
import { seededRandom } from 'taskwire/testing'
import { describe, expect, test } from 'vitest'
import { each } from '../../lib/testing/conformance/emit.js'
import { pause, turn } from '../../lib/testing/conformance/expect.js'
import { duplicates, history, ids } from '../../lib/testing/conformance/history.js'
import { stage, type Definition, type Stage } from '../../lib/testing/conformance/stage.js'
import { optionsOf, ways, type Way } from '../../lib/testing/conformance/ways.js'
import type { Subject } from 'taskwire/testing'
import { withBroker } from '../brokers/suite.js'
import { amqpSubject } from '../transport/amqp/subject.js'
import { kafkaSubject } from '../transport/kafka/subject.js'
import { redisSubject } from '../transport/redis/subject.js'
import { memorySubject, tcpSubject } from './subjects.js'

const rounds = 5
const perRound = 400
const keyOf = (id: number): string => `key-${id % 7}`

const account = async ({ serve, call, until, letters, capabilities }: Stage, way: Way, seed: number) => {
  const random = seededRandom(seed)
  const page = history()
  const attempts = new Map<number, ReadonlyArray<number>>()
  const definition: Definition = createMicroservice('accounting', {
    retry: delays(5, 10, 15),
    classify: (error) => (error === 'for a while' ? 'retryable' : 'permanent'),
    concurrency: 6,
  }).onEvent(
    'event',
    t.type({ id: t.number, salt: t.number }),
    ({ id, salt }, { attempt }) =>
      async () => {
        attempts.set(id, [...(attempts.get(id) ?? []), attempt])
        const chance = (salt * 7_919 + attempt * 104_729) % 100
        for (let i = 0; i < chance % 4; i++) await turn()
        if (chance % 9 === 0) await pause(chance % 8)
        if (chance < 70) {
          page.handled(id)
          return E.right(undefined)
        }
        if (attempt === 4 || chance < 80) page.buried(id)
        if (chance >= 92) throw new Error('thrown')
        return E.left(chance < 80 ? 'for good' : 'for a while')
      },
    way === 'worked out' ? { orderingKey: ({ id }) => keyOf(id) } : {},
  )
  let replicas: ReadonlyArray<Running> = [await serve(definition), await serve(definition)]
  let reported = 0
  for (let round = 0; round < rounds; round++) {
    const client = call(replicas)
    const emitting = each({ from: round * perRound, to: (round + 1) * perRound, window: 50 }, async (id) => {
      page.emitted(id)
      const options = { messageId: String(id), ...optionsOf(way, keyOf(id)) }
      const result = await client.emit('event', { id, salt: Math.floor(random() * 1e6) }, options)()
      if (result._tag === 'Right') page.confirmed(id)
    })
    await until('half of a round is emitted', () => page.count('emitted') > (round + 0.5) * perRound)
    const [oldest, ...others] = replicas
    const { lost, unsettled } = (await oldest?.stop()) ?? { lost: 0, unsettled: 0 }
    reported += lost + unsettled
    await emitting
    replicas = [...others, await serve(definition)]
    await client.close()
  }
  const open = () => {
    const ended = new Set([...ids(page, 'handled'), ...ids(page, 'buried')])
    return ids(page, 'confirmed').filter((id) => !ended.has(id)).length
  }
  await until(
    () => `every event ends (${open()} are open, ${reported} are reported as lost)`,
    () => open() <= reported,
  )
  return {
    confirmed: page.count('confirmed'),
    unaccounted: open() - reported,
    endedTwice: duplicates(page).length + page.count('buried') - new Set(ids(page, 'buried')).size,
    attempts: [...attempts.values()],
    buried: page.count('buried'),
    buriedOnce: new Set(ids(page, 'buried')).size,
    letters: capabilities.deadLetter ? await orThrow(letters(definition).list({ limit: Infinity })) : undefined,
  }
}

interface Leniency {
  /** What is given back without a start counts as one there: numbers rise, and may leave some out. */
  readonly countsReturns?: true
  /** What was done behind something that was not, is done again after a hand-over, and numbered anew. */
  readonly repeats?: true
}

const specs = (subject: Subject, { countsReturns, repeats }: Leniency = {}): void => {
  test.each(ways.flatMap((way) => [1].map((seed) => ({ way, seed }))))(
    `on ${subject.name}: events whose key is $way, seed $seed`,
    async ({ way, seed }) => {
      const { stage: on, leave } = await stage(subject)
      const { attempts, buried, buriedOnce, endedTwice, letters, ...found } = await account(on, way, seed)
      await leave()
      expect(found).toEqual({ confirmed: rounds * perRound, unaccounted: 0 })
      if (letters !== undefined) expect(letters.length).toBeGreaterThanOrEqual(buriedOnce)
      if (repeats) return
      expect(endedTwice).toBe(0)
      if (letters !== undefined) expect(letters.length).toBe(buried)
      const follows = (attempt: number, before: number): boolean =>
        countsReturns ? attempt > before : attempt === before + 1
      const gaps = attempts.filter((numbers) => !numbers.every((attempt, i) => follows(attempt, numbers[i - 1] ?? 0)))
      expect(gaps).toEqual([])
    },
    120_000,
  )
}

describe('every event comes to one end', async () => {
  specs(memorySubject)
  specs(tcpSubject)
  await withBroker('redis', (url) => specs(redisSubject(url)))
  await withBroker('amqp', (url) => specs(amqpSubject(url), { countsReturns: true }))
  await withBroker('kafka', (url) => specs(kafkaSubject(url.split(',')), { repeats: true }))
})
