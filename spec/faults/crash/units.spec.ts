/** What connections say is told apart, however it is cut into packets. */
import { expect, test } from 'vitest'
import * as scripts from '../../../lib/transport/redis/scripts.js'
import { dialects, type Dialect } from './units.js'

const command = (...parts: ReadonlyArray<string>): string =>
  `*${parts.length}\r\n${parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`).join('')}`

/** The names that arrive when the bytes come one by one. */
const dripped = ({ arrived }: Dialect, bytes: Buffer): ReadonlyArray<string> =>
  [...bytes].flatMap((byte) => arrived(Buffer.from([byte])))

const written = ({ written: of }: Dialect, bytes: Buffer) =>
  of(bytes).map(({ name, start, end }) => [name, bytes.subarray(start, end).toString('latin1')])

test('Redis: commands, scripts by their names, and an answer for each in turn', () => {
  const redis = dialects.redis()
  const ack = command('xack', 'stream', 'group', '1-0')
  const evaluated = command('evalsha', scripts.append.sha, '1', 'ü\r\n')
  expect(written(redis, Buffer.from(ack + evaluated))).toEqual([
    ['XACK', ack],
    ['append', Buffer.from(evaluated).toString('latin1')],
  ])
  const answers = Buffer.from(':1\r\n>2\r\n+a\r\n+b\r\n%1\r\n$1\r\na\r\n*2\r\n_\r\n$-1\r\n')
  expect(dripped(redis, answers)).toEqual(['XACK', 'a push', 'append'])
})

test('RabbitMQ: frames by their methods, and content with the method that it belongs to', () => {
  const frame = (type: number, ...payload: ReadonlyArray<number>): Buffer => {
    const size = Buffer.alloc(4)
    size.writeUInt32BE(payload.length)
    return Buffer.from([type, 0, 1, ...size, ...payload, 0xce])
  }
  const publish = Buffer.concat([frame(1, 0, 60, 0, 40, 9), frame(2, 0, 60, 0, 0), frame(3, 1, 2, 3, 4)])
  const all = Buffer.concat([publish, frame(1, 0, 60, 0, 80), frame(8, 0, 0, 0, 0)])
  const amqp = dialects.amqp()
  expect(written(amqp, all).map(([name]) => name)).toEqual(['basic.publish', 'basic.ack', 'heartbeat'])
  expect(written(amqp, all)[0]?.[1]).toBe(publish.toString('latin1'))
  expect(dripped(amqp, all)).toEqual(['basic.publish', 'basic.ack', 'heartbeat'])
})

test('Kafka: requests, and the answers that name them', () => {
  const sized = (...words: ReadonlyArray<number>): Buffer => {
    const bytes = Buffer.alloc(4 + 4 * words.length)
    bytes.writeUInt32BE(4 * words.length)
    words.forEach((word, i) => bytes.writeInt32BE(word, 4 + 4 * i))
    return bytes
  }
  const kafka = dialects.kafka()
  // n.b. key and version in one word, then the number
  const requests = Buffer.concat([sized(1 << 16, 7, 0), sized(8 << 16, 8)])
  expect(kafka.written(requests).map(({ name }) => name)).toEqual(['Fetch', 'OffsetCommit'])
  expect(dripped(kafka, Buffer.concat([sized(8, 0), sized(7)]))).toEqual(['OffsetCommit', 'Fetch'])
})
