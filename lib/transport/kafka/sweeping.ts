/**
 * A walk over dead letters: from the head of each partition to its end as it was at the start, the oldest first. The head has
 * to pass what is put back or dropped, so letters in front of it that stay are written once more, at the end; only then does
 * the head advance.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { KafkaMessage } from 'kafkajs'
import type { ConnectError } from '../../core/error.js'
import type { DeadLetter, LetterVerdict, Swept } from '../../core/letter.js'
import { line, type Line } from '../../core/line.js'
import type { Extent, Reader } from './reader.js'

/** A letter, and the record that it is. */
export interface Lying {
  readonly offset: number
  readonly message: KafkaMessage
  readonly letter: DeadLetter
}

interface Judged extends Lying {
  readonly verdict: LetterVerdict
}

interface Cursor {
  readonly partition: number
  /** As they were at the start. */
  readonly low: number
  readonly end: number
  /** Everything before is settled. */
  head: number
  /** To be fetched. */
  next: number
  readonly ahead: Line<Lying>
  /** In order. What lies between the head and the first of them stays. */
  judged: Array<Judged>
  bytes: number
}

export interface Walk {
  readonly reader: Reader
  /** `undefined` for what is none, such as the mark of a transaction. */
  readonly letterOf: (partition: number, message: KafkaMessage) => DeadLetter | undefined
}

export interface Sweep extends Walk {
  /** Resolves with a Right once the brokers have all of them. */
  readonly write: (
    partition: number,
    redriven: ReadonlyArray<Lying>,
    kept: ReadonlyArray<Lying>,
  ) => Promise<Either<ConnectError, void>>
  /** Nobody will ask for what lies before this offset. */
  readonly erase: (partition: number, before: number) => Promise<void>
}

/** How much is held, and at most lies in both places after a failure: of one partition, beside one answer of the brokers. */
const maxJudged = 500
const maxBytes = 4_194_304

const nothing: Swept = { redriven: 0, dropped: 0 }

const plus = (a: Swept, b: Swept): Swept => ({
  redriven: a.redriven + b.redriven,
  dropped: a.dropped + b.dropped,
})

/** Where it begins. n.b. records go when they are old enough, and a topic that was made again has fewer than the old one. */
const headOf = ({ low, high, committed }: Extent): number =>
  committed === undefined || committed > high ? low : Math.max(low, committed)

const begin = async (reader: Reader): Promise<ReadonlyArray<Cursor>> =>
  (await reader.extents()).map((extent) => {
    const { partition, low, high } = extent
    const head = headOf(extent)
    return { partition, low, end: high, head, next: head, ahead: line(), judged: [], bytes: 0 }
  })

/** Letters from an offset on, and where to go on. */
const page = async (
  { reader, letterOf }: Walk,
  partition: number,
  from: number,
  end: number,
): Promise<{ readonly letters: ReadonlyArray<Lying>; readonly next: number }> => {
  const fetched = await reader.fetch(partition, from)
  if (fetched === 'gone') {
    const [extent] = await reader.extents([partition])
    return { letters: [], next: extent !== undefined && extent.low > from ? Math.min(extent.low, end) : end }
  }
  const letters = fetched.flatMap((message): ReadonlyArray<Lying> => {
    const offset = Number(message.offset)
    const letter = offset < end ? letterOf(partition, message) : undefined
    return letter === undefined ? [] : [{ offset, message, letter }]
  })
  return { letters, next: Math.min(end, Number(fetched.at(-1)?.offset ?? from - 1) + 1) }
}

/** The one whose next letter was set aside first. */
const oldest = async (on: Walk, cursors: ReadonlyArray<Cursor>): Promise<Cursor | undefined> => {
  for (const cursor of cursors)
    while (cursor.ahead.size() === 0 && cursor.next < cursor.end) {
      const { letters, next } = await page(on, cursor.partition, cursor.next, cursor.end)
      for (const one of letters) cursor.ahead.push(one)
      cursor.next = next
    }
  const timeOf = ({ ahead }: Cursor): number => ahead.first()?.letter.time ?? Infinity
  return cursors
    .filter(({ ahead }) => ahead.size() > 0)
    .reduce<Cursor | undefined>((a, b) => (a !== undefined && timeOf(a) <= timeOf(b) ? a : b), undefined)
}

/** Shows each until `look` answers false. */
export const walk = async (on: Walk, look: (letter: DeadLetter) => boolean): Promise<void> => {
  const cursors = await begin(on.reader)
  for (let at = await oldest(on, cursors); at !== undefined; at = await oldest(on, cursors)) {
    const lying = at.ahead.shift()
    if (lying !== undefined && !look(lying.letter)) return
  }
}

/** Applies verdicts, and moves the head behind them. */
const advance = async (
  on: Sweep,
  cursor: Cursor,
  judged: ReadonlyArray<Judged>,
): Promise<Either<ConnectError, Swept>> => {
  const { partition } = cursor
  const last = judged.at(-1)
  if (last === undefined) return E.right(nothing)
  // n.b. another sweep may have been here meanwhile: what is before the head now is settled already
  const [now] = await on.reader.extents([partition])
  const head = now === undefined ? cursor.head : headOf(now)
  const mine = judged.filter(({ offset }) => offset >= head)
  const of = (verdict: LetterVerdict): ReadonlyArray<Lying> => mine.filter((one) => one.verdict === verdict)
  const written = await on.write(partition, of('redrive'), of('keep'))
  if (E.isLeft(written)) return written
  if (last.offset >= head) await on.reader.commit(partition, last.offset + 1)
  cursor.head = Math.max(head, last.offset + 1)
  return E.right({ redriven: of('redrive').length, dropped: of('drop').length })
}

/** Settles what was judged, up to the last that does not stay; the rest is forgotten, and read again where it has to move. */
const settle = async (on: Sweep, cursor: Cursor): Promise<Either<ConnectError, Swept>> => {
  const { judged, partition } = cursor
  const last = judged.reduce((found, { verdict }, index) => (verdict === 'keep' ? found : index), -1)
  const first = judged[0]
  cursor.judged = []
  cursor.bytes = 0
  if (first === undefined || last === -1) return E.right(nothing)
  while (cursor.head < first.offset) {
    const { letters, next } = await page(on, partition, cursor.head, first.offset)
    const moved = await advance(
      on,
      cursor,
      letters.map((one) => ({ ...one, verdict: 'keep' })),
    )
    if (E.isLeft(moved)) return moved
    cursor.head = Math.max(cursor.head, next)
  }
  const applied = await advance(on, cursor, judged.slice(0, last + 1))
  cursor.ahead.extract(({ offset }) => offset < cursor.head)
  cursor.next = Math.max(cursor.next, cursor.head)
  return applied
}

/** Asks for a verdict on each, and applies it. */
export const sweep = async (
  on: Sweep,
  verdict: (letter: DeadLetter) => LetterVerdict,
): Promise<Either<ConnectError, Swept>> => {
  const cursors = await begin(on.reader)
  let total = nothing
  for (let at = await oldest(on, cursors); at !== undefined; at = await oldest(on, cursors)) {
    const lying = at.ahead.shift()
    const judged = lying === undefined ? 'stop' : verdict(lying.letter)
    if (lying === undefined || judged === 'stop') break
    at.judged.push({ ...lying, verdict: judged })
    at.bytes += lying.message.value?.length ?? 0
    if (at.judged.length < maxJudged && at.bytes < maxBytes) continue
    const settled = await settle(on, at)
    if (E.isLeft(settled)) return settled
    total = plus(total, settled.right)
  }
  for (const cursor of cursors) {
    const settled = await settle(on, cursor)
    if (E.isLeft(settled)) return settled
    total = plus(total, settled.right)
    if (cursor.head > cursor.low) await on.erase(cursor.partition, cursor.head)
  }
  return E.right(total)
}
