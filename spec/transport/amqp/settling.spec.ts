/** Which acknowledgements are written for what was settled, in which order. */
import type { Channel, ConsumeMessage } from 'amqplib'
import { expect, test } from 'vitest'
import { settling } from '../../../lib/transport/amqp/settling.js'

const message = (deliveryTag: number) => ({ fields: { deliveryTag } }) as unknown as ConsumeMessage

const setUp = () => {
  const written: Array<string> = []
  const channel = {
    ack: ({ fields }: ConsumeMessage, upTo = false) => written.push(`ack ${upTo ? 'to ' : ''}${fields.deliveryTag}`),
    nack: ({ fields }: ConsumeMessage) => written.push(`back ${fields.deliveryTag}`),
  } as unknown as Channel
  const one = settling(channel, { now: () => 7 } as Parameters<typeof settling>[1])
  for (let tag = 1; tag <= 8; tag++) one.taken(message(tag))
  return { written, ...one, turn: () => new Promise((resolve) => setImmediate(resolve)) }
}

test('what was settled in one turn is acknowledged at once as far as nothing is missing, and the rest singly', async () => {
  const { ack, ackedAt, turn, written } = setUp()
  expect(ackedAt()).toBe(Number.NEGATIVE_INFINITY)
  for (const tag of [3, 1, 2, 6]) ack(message(tag))
  expect(written).toEqual([])
  await turn()
  expect(written.splice(0)).toEqual(['ack to 3', 'ack 6'])
  expect(ackedAt()).toBe(7)
  for (const tag of [5, 7]) ack(message(tag))
  await turn()
  expect(written.splice(0)).toEqual(['ack 5', 'ack 7'])
  for (const tag of [4, 8]) ack(message(tag))
  await turn()
  expect(written.splice(0)).toEqual(['ack to 8'])
  await turn()
  expect(written).toEqual([])
})

test('what is given back is not acknowledged, and nothing waits for it', async () => {
  const { ack, flush, giveBack, turn, written } = setUp()
  ack(message(1))
  giveBack(message(2))
  ack(message(3))
  flush()
  expect(written.splice(0)).toEqual(['back 2', 'ack to 3'])
  await turn()
  expect(written).toEqual([])
})

test('a channel that is gone is no error', async () => {
  const gone = () => {
    throw new Error('Channel closed')
  }
  const { ack, giveBack, flush } = settling(
    { ack: gone, nack: gone } as unknown as Channel,
    { now: () => 0 } as Parameters<typeof settling>[1],
  )
  ack(message(1))
  giveBack(message(2))
  flush()
  await new Promise((resolve) => setImmediate(resolve))
})
