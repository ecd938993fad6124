/** What leaves for the brokers: nothing is reported as sent that was not, whatever the driver resolves with. */
import { expect, test } from 'vitest'
import {
  outbox,
  maxBatchBytes,
  maxRecords,
  maxWaiting,
  type Receipt,
  type Send,
} from '../../../lib/transport/kafka/outbox.js'
import type { Failing } from '../../../lib/transport/transport.js'

interface Sent {
  readonly values: ReadonlyArray<string>
  readonly partitions: ReadonlyArray<number>
}

const recordOf = (value: string, key: string | null = null) => ({
  key: key === null ? null : Buffer.from(key),
  value: Buffer.from(value),
  headers: {},
})
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A box whose driver answers what it is told to, request by request; the last answer stands for all later ones. */
const boxOf = (
  ...answers: ReadonlyArray<(partitions: ReadonlyArray<number>) => ReadonlyArray<Receipt> | Promise<never>>
) => {
  const sent: Array<Sent> = []
  const stale: Array<string> = []
  const send: Send = async (topic, _, messages) => {
    const answer = answers[Math.min(sent.length, answers.length - 1)]
    sent.push({
      values: messages.map(({ value }) => String(value)),
      partitions: messages.map(({ partition }) => partition),
    })
    return answer?.(messages.map(({ partition }) => partition)) ?? all(topic)([])
  }
  const box = outbox({
    name: 'kafka',
    random: () => 0.5,
    pause: turn,
    ready: () => Promise.resolve(),
    send,
    stale: (topic) => stale.push(topic),
  })
  const results = new Map<string, Failing | undefined>()
  const put = (value: string, partition: number, once = false) =>
    box.put({ topic: 't', partitions: 3, partition, acks: -1, once }, recordOf(value), (result) =>
      results.set(value, result),
    )
  return { box, sent, results, put, stale }
}
const all =
  (topicName: string) =>
  (partitions: ReadonlyArray<number>): ReadonlyArray<Receipt> =>
    [...new Set(partitions)].map((partition) => ({ topicName, partition, errorCode: 0 }))
const without = (missing: number) => (partitions: ReadonlyArray<number>) =>
  all('t')(partitions.filter((one) => one !== missing))
const error = (type: string) => () => Promise.reject(Object.assign(new Error(type), { type }))

const lost = (type?: string) => () =>
  Promise.reject(Object.assign(new Error('gone'), { name: 'KafkaJSNumberOfRetriesExceeded', ...(type && { type }) }))
const failure = (maybeProcessed: boolean) => ({
  error: { _tag: 'Disconnected', maybeProcessed },
  processed: maybeProcessed ? 'maybe' : 'no',
})

test('what failed is sent again, three times at most', async () => {
  const { box, sent, results, put } = boxOf(lost(), lost(), lost(), all('t'))
  put('a', 0)
  await box.idle()
  expect([sent.length, results.get('a')]).toEqual([4, undefined])
  expect(results.has('a')).toBe(true)
  const other = boxOf(lost())
  other.put('b', 0)
  await other.box.idle()
  expect(other.sent).toHaveLength(4)
  expect(other.results.get('b')).toMatchObject(failure(true))
})

test('what must be written once is sent once, and its failure says whether it may have been written', async () => {
  for (const [type, maybe] of [
    [undefined, true],
    ['REQUEST_TIMED_OUT', true],
    ['NOT_LEADER_FOR_PARTITION', false],
  ] as const) {
    const { box, sent, results, put } = boxOf(lost(type), all('t'))
    put('a', 0, true)
    await box.idle()
    expect(sent).toHaveLength(1)
    expect(results.get('a')).toMatchObject(failure(maybe))
  }
  const { box, sent, results, put } = boxOf(lost('NOT_LEADER_FOR_PARTITION'), all('t'))
  put('a', 0, true)
  put('b', 1, true)
  await box.idle()
  expect(sent).toHaveLength(1)
  expect(results.get('b')).toMatchObject(failure(true))
})

test('what must be written once is not sent again because an answer says nothing of it', async () => {
  const { box, sent, results, put } = boxOf(without(1), all('t'))
  put('a', 0, true)
  put('b', 1, true)
  await box.idle()
  expect(sent).toHaveLength(1)
  expect(results.has('a') && results.get('a') === undefined).toBe(true)
  expect(results.get('b')).toMatchObject(failure(true))
})

test('where one of several partitions is unknown, the others may have been written', async () => {
  const { box, results, put } = boxOf(lost('UNKNOWN_TOPIC_OR_PARTITION'))
  put('a', 0, true)
  put('b', 1, true)
  await box.idle()
  expect(results.get('a')).toMatchObject({ error: { _tag: 'TransportFailed' }, processed: 'maybe' })
  const single = boxOf(lost('UNKNOWN_TOPIC_OR_PARTITION'))
  single.put('a', 0, true)
  await single.box.idle()
  expect(single.results.get('a')).toMatchObject({ error: { _tag: 'TransportFailed' }, processed: 'no' })
})

test('a partition that is missing from the answer is sent again, and nothing else is', async () => {
  const { box, sent, results, put } = boxOf(without(1), all('t'))
  for (const [value, partition] of [
    ['a', 0],
    ['b', 1],
    ['c', 2],
    ['d', 1],
  ] as const)
    put(value, partition)
  await box.idle()
  expect(sent.map(({ values }) => values)).toEqual([
    ['a', 'b', 'c', 'd'],
    ['b', 'd'],
  ])
  expect([...results]).toEqual([
    ['a', undefined],
    ['c', undefined],
    ['b', undefined],
    ['d', undefined],
  ])
})

test('one that is missing again and again fails as perhaps written, and is never reported as sent', async () => {
  const { box, results, put } = boxOf(without(1))
  put('a', 0)
  put('b', 1)
  await box.idle()
  expect(results.get('a')).toBeUndefined()
  expect(results.get('b')).toMatchObject({ processed: 'maybe', error: { _tag: 'Disconnected', maybeProcessed: true } })
})

test('an answer with an error for a partition is no receipt', async () => {
  const { box, results, put } = boxOf(() => [{ topicName: 't', partition: 0, errorCode: 7 }])
  put('a', 0)
  await box.idle()
  expect(results.get('a')).toMatchObject({ processed: 'maybe' })
})

test('what comes while a request is under way goes together with the next one', async () => {
  let answer: (() => void) | undefined
  const { box, sent, put } = boxOf(
    (partitions) =>
      new Promise<never>((resolve) => {
        answer = () => resolve(all('t')(partitions) as never)
      }),
    all('t'),
  )
  put('a', 0)
  await turn()
  await turn()
  for (let i = 0; i < 1_200; i++) put(String(i), 0)
  answer?.()
  await box.idle()
  expect(sent.map(({ values }) => values.length)).toEqual([1, maxRecords, maxRecords, 200])
  expect(sent.flatMap(({ values }) => values)).toEqual(['a', ...Array.from({ length: 1_200 }, (_, i) => String(i))])
})

test('a request holds at most 900 KiB for a partition, and one record in any case', async () => {
  const { box, sent, put } = boxOf(all('t'))
  const large = 'x'.repeat(maxBatchBytes / 2)
  for (let i = 0; i < 3; i++) put(large + String(i), 0)
  put('x'.repeat(maxBatchBytes + 1), 1)
  await box.idle()
  expect(sent.map(({ values }) => values.length)).toEqual([1, 1, 2])
})

test('one that is too large for the topic fails alone', async () => {
  const { box, sent, results, put } = boxOf(error('MESSAGE_TOO_LARGE'), all('t'), error('MESSAGE_TOO_LARGE'), all('t'))
  for (const value of ['a', 'b', 'c']) put(value, 0)
  await box.idle()
  expect(sent.map(({ values }) => values)).toEqual([['a', 'b', 'c'], ['a'], ['b'], ['c']])
  expect(results.get('a')).toBeUndefined()
  expect(results.get('b')).toMatchObject({ processed: 'no', error: { _tag: 'MessageTooLarge' } })
  expect(results.get('c')).toBeUndefined()
})

test('errors of the broker have their meaning; a broken connection may have written', async () => {
  const meaning = async (type: string) => {
    const { box, results, put, stale } = boxOf(error(type))
    put('a', 0)
    await box.idle()
    return { ...results.get('a'), stale }
  }
  expect(await meaning('UNKNOWN_TOPIC_OR_PARTITION')).toMatchObject({
    processed: 'no',
    retryAfterMs: 100,
    error: { _tag: 'TransportFailed' },
    stale: ['t'],
  })
  expect(await meaning('TOPIC_AUTHORIZATION_FAILED')).toMatchObject({
    processed: 'no',
    error: { _tag: 'Unauthorized' },
  })
  expect(await meaning('REQUEST_TIMED_OUT')).toMatchObject({ processed: 'maybe', error: { _tag: 'Disconnected' } })
})

test('what is given up before it left is not sent', async () => {
  const { box, sent, results, put } = boxOf(all('t'))
  const cancel = put('a', 0)
  put('b', 0)
  expect(cancel()).toBe('no')
  await box.idle()
  expect(sent.map(({ values }) => values)).toEqual([['b']])
  expect(results.has('a')).toBe(false)
  expect(cancel()).toBe('maybe')
})

test('more than may wait is overloaded, and worth another attempt', async () => {
  const { box, results, put } = boxOf(all('t'))
  for (let i = 0; i <= maxWaiting; i++) put(String(i), 0)
  expect(results.get(String(maxWaiting))).toMatchObject({ processed: 'no', error: { _tag: 'Overloaded' } })
  await box.idle()
  expect(results.get('0')).toBeUndefined()
  expect(results.size).toBe(maxWaiting + 1)
})

test('a closed box takes nothing, and ends what has not left', async () => {
  const { box, sent, results, put } = boxOf(all('t'))
  put('a', 0)
  box.close()
  put('b', 0)
  await turn()
  expect(sent).toEqual([])
  for (const value of ['a', 'b']) expect(results.get(value)).toMatchObject({ error: { _tag: 'Closed' } })
})
