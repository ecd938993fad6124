/** Sweeps over letters in a log that fails where it can, in every order of their steps. */
import * as E from 'fp-ts/lib/Either.js'
import type { KafkaMessage } from 'kafkajs'
import { expect, test } from 'vitest'
import type { DeadLetter, LetterVerdict } from '../../../lib/core/letter.js'
import { seededRandom } from '../../../lib/testing/virtual-clock.js'
import { sweep, type Lying, type Sweep } from '../../../lib/transport/kafka/sweeping.js'

const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)
const failure = E.left({ _tag: 'TransportFailed', name: 'kafka', message: 'broken', cause: undefined } as const)

/** Partitions of numbers, a topic of retries, and steps that take a random time and may fail. */
const world = (partitions: ReadonlyArray<ReadonlyArray<number>>, random: () => number, failures = 0) => {
  const logs = partitions.map((all) => [...all])
  const lows = logs.map(() => 0)
  const heads: Array<number | undefined> = logs.map(() => undefined)
  const back: Array<number> = []
  const steps: Array<string> = []
  const step = async (): Promise<void> => {
    for (let n = Math.floor(random() * 4); n > 0; n--) await Promise.resolve()
  }
  const fails = (): boolean => random() < failures
  const numberOf = ({ message }: Lying): number => Number(message.value)
  const on = (): Sweep => ({
    letterOf: (_, { value }) => {
      const n = Number(value)
      // n.b. every seventh is a mark of a transaction
      return n % 7 === 6 ? undefined : ({ messageId: String(n), time: n } as DeadLetter)
    },
    reader: {
      extents: async (only = range(logs.length)) => {
        await step()
        if (fails()) throw new Error('no extents')
        return only.map((partition) => ({
          partition,
          low: lows[partition] ?? 0,
          high: logs[partition]?.length ?? 0,
          committed: heads[partition],
        }))
      },
      fetch: async (partition, from) => {
        await step()
        if (fails()) throw new Error('no records')
        if (from < (lows[partition] ?? 0)) return 'gone'
        return (logs[partition] ?? [])
          .slice(from, from + 1 + Math.floor(random() * 5))
          .map((n, i) => ({ offset: String(from + i), value: Buffer.from(String(n)) }) as KafkaMessage)
      },
      commit: async (partition, offset) => {
        await step()
        if (fails()) throw new Error('not committed')
        heads[partition] = offset
        steps.push('commit')
        if (fails()) throw new Error('no answer')
      },
      end: () => Promise.resolve(),
    },
    write: async (partition, redriven, kept) => {
      for (const one of redriven) {
        await step()
        if (fails()) return failure
        back.push(numberOf(one))
      }
      for (const one of kept) {
        await step()
        if (fails()) return failure
        logs[partition]?.push(numberOf(one))
      }
      steps.push('written')
      return fails() ? failure : E.right(undefined)
    },
    erase: async (partition, before) => {
      await step()
      lows[partition] = Math.max(lows[partition] ?? 0, before)
    },
  })
  const left = (): ReadonlyArray<number> =>
    logs.flatMap((all, partition) => all.slice(Math.max(lows[partition] ?? 0, heads[partition] ?? 0)))
  return { on, left, back, steps, heads }
}

const verdictOf =
  (all: ReadonlyArray<LetterVerdict>) =>
  ({ messageId }: DeadLetter): LetterVerdict =>
    all[Number(messageId)] ?? 'keep'
const real = (all: ReadonlyArray<number>): ReadonlyArray<number> => all.filter((n) => n % 7 !== 6)
const ascending = (all: Iterable<number>): ReadonlyArray<number> => [...all].sort((a, b) => a - b)

/** Letters over some partitions, and a verdict on each. */
const made = (random: () => number) => {
  const count = Math.floor(random() * 40)
  const partitions = range(1 + Math.floor(random() * 3)).map((): Array<number> => [])
  for (const n of range(count)) partitions[Math.floor(random() * partitions.length)]?.push(n)
  const kinds: ReadonlyArray<LetterVerdict> = ['keep', 'keep', 'redrive', 'drop']
  return { count, partitions, verdicts: range(count).map(() => kinds[Math.floor(random() * 4)] ?? 'keep') }
}

test('each goes or stays once, in the order of their time, and the head moves only after the writes', async () => {
  for (const seed of range(300)) {
    const random = seededRandom(seed)
    const { count, partitions, verdicts } = made(random)
    const { on, left, back, steps } = world(partitions, random)
    const asked: Array<number> = []
    const swept = await sweep(on(), (letter) => {
      asked.push(Number(letter.messageId))
      return verdictOf(verdicts)(letter)
    })
    const of = (verdict: LetterVerdict) => real(range(count).filter((n) => verdicts[n] === verdict))
    expect(swept, `seed ${seed}`).toEqual(E.right({ redriven: of('redrive').length, dropped: of('drop').length }))
    expect(asked, `seed ${seed}`).toEqual(real(range(count)))
    expect(ascending(back), `seed ${seed}`).toEqual(of('redrive'))
    expect(ascending(real(left())), `seed ${seed}`).toEqual(of('keep'))
    for (const [i, what] of steps.entries()) if (what === 'commit') expect(steps[i - 1]).toBe('written')
  }
})

test('a stop leaves it, and all that come after it, where they are', async () => {
  const random = seededRandom(1)
  const { on, left, back, heads } = world([[0, 1, 2, 3, 4, 5]], random)
  await sweep(on(), verdictOf(['keep', 'redrive', 'keep', 'keep', 'stop', 'drop']))
  expect([left(), back, heads]).toEqual([[2, 3, 4, 5, 0], [1], [2]])
})

test('whatever fails, and however many sweep at once, what is not dropped is there or has gone back', async () => {
  let failed = 0
  for (const seed of range(2_000)) {
    const random = seededRandom(seed)
    const { count, partitions } = made(random)
    const { on, left, back } = world(partitions, random, 0.03)
    const dropped = new Set<number>()
    const sweeps = range(1 + Math.floor(random() * 3)).map(async () => {
      const { verdicts } = made(random)
      const swept = await sweep(on(), (letter) => {
        const verdict = verdictOf(verdicts)(letter)
        if (verdict === 'drop') dropped.add(Number(letter.messageId))
        return verdict
      }).catch(() => failure)
      if (E.isLeft(swept)) failed += 1
    })
    await Promise.all(sweeps)
    const there = new Set([...left(), ...back, ...dropped])
    expect(
      real(range(count)).filter((n) => !there.has(n)),
      `seed ${seed}`,
    ).toEqual([])
  }
  expect(failed).toBeGreaterThan(100)
})
