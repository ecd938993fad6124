/**
 * A way to a Kafka broker on which one partition is missing from what is produced: from the request, as if the brokers that
 * lead it had not been asked, and so from the answer; or from the answer alone, though its records were written. A client
 * that believes what the rest of an answer says loses the first, and repeats the second.
 */
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** What is missing of a request that has this partition of a topic: nothing, its records, or what became of them. */
export type Missing = (topic: string, partition: number) => 'nothing' | 'records' | 'answer'

export interface Partial {
  readonly port: number
  /** From now on. */
  readonly missing: (missing: Missing) => void
  /** How often something was missing. */
  readonly count: () => Readonly<Record<'records' | 'answer', number>>
}

const produce = 0
const version = 7

/** Reads and copies what a message consists of. */
const cursor = (bytes: Buffer) => {
  let at = 0
  const take = (count: number): Buffer => bytes.subarray(at, (at += count))
  return {
    take,
    int16: () => take(2).readInt16BE(),
    int32: () => take(4).readInt32BE(),
    rest: () => bytes.subarray(at),
    at: () => at,
  }
}
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

type Topics = ReadonlyArray<{
  readonly topic: string
  readonly partitions: ReadonlyArray<{ readonly partition: number; readonly bytes: Buffer }>
}>

/** Topics with partitions, whose contents are read by `content`. */
const topicsOf = (from: ReturnType<typeof cursor>, content: () => Buffer): Topics =>
  Array.from({ length: from.int32() }, () => ({
    topic: from.take(from.int16()).toString(),
    partitions: Array.from({ length: from.int32() }, () => ({ partition: from.int32(), bytes: content() })),
  }))

const written = (topics: Topics): Buffer =>
  Buffer.concat([
    int32(topics.length),
    ...topics.flatMap(({ topic, partitions }) => {
      const name = Buffer.from(topic)
      const length = Buffer.alloc(2)
      length.writeInt16BE(name.length)
      const all = partitions.flatMap(({ partition, bytes }) => [int32(partition), bytes])
      return [length, name, int32(partitions.length), ...all]
    }),
  ])

const without = (topics: Topics, out: (topic: string, partition: number) => boolean): Topics =>
  topics
    .map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.filter(({ partition }) => !out(topic, partition)),
    }))
    .filter(({ partitions }) => partitions.length > 0)

/** Whole messages, each handed on as `change` gives it. */
const messages = (to: Socket, change: (message: Buffer) => Buffer): ((chunk: Buffer) => void) => {
  let held = Buffer.alloc(0)
  return (chunk) => {
    held = Buffer.concat([held, chunk])
    while (held.length >= 4 && held.length >= 4 + held.readInt32BE()) {
      const end = 4 + held.readInt32BE()
      const changed = change(held.subarray(4, end))
      to.write(Buffer.concat([int32(changed.length), changed]))
      held = held.subarray(end)
    }
  }
}

/** To the broker at `host:port`; ends with the test. */
export const partial = async (url: string): Promise<Partial> => {
  const [host, port] = url.split(':')
  const counts = { records: 0, answer: 0 }
  const sockets = new Set<Socket>()
  let missing: Missing = () => 'nothing'

  const serve = (client: Socket): void => {
    const broker = connect({ host: host ?? '127.0.0.1', port: Number(port), noDelay: true })
    /** By the correlation id: what is to be missing from the answer. */
    const pending = new Map<number, ReadonlySet<string>>()
    const request = (message: Buffer): Buffer => {
      const from = cursor(message)
      if (from.int16() !== produce) return message
      if (from.int16() !== version) throw new Error('another version of Produce')
      const id = from.int32()
      from.take(from.int16())
      if (from.int16() >= 0) throw new Error('a transaction')
      // n.b. acks and timeout
      from.take(6)
      const head = message.subarray(0, from.at())
      const topics = topicsOf(from, () => {
        const length = from.int32()
        return Buffer.concat([int32(length), from.take(length)])
      })
      const lacking = { records: new Set<string>(), answer: new Set<string>() }
      for (const { topic, partitions } of topics)
        for (const { partition } of partitions) {
          const what = missing(topic, partition)
          if (what === 'nothing') continue
          lacking[what].add(`${topic}/${partition}`)
          counts[what] += 1
        }
      pending.set(id, lacking.answer)
      return Buffer.concat([
        head,
        written(without(topics, (topic, partition) => lacking.records.has(`${topic}/${partition}`))),
      ])
    }
    const answer = (message: Buffer): Buffer => {
      const from = cursor(message)
      const lacking = pending.get(from.int32())
      if (lacking === undefined) return message
      pending.delete(message.readInt32BE())
      // n.b. error code, offset, time of the append, start of the log
      const topics = topicsOf(from, () => from.take(26))
      return Buffer.concat([
        message.subarray(0, 4),
        written(without(topics, (topic, partition) => lacking.has(`${topic}/${partition}`))),
        from.rest(),
      ])
    }
    client.setNoDelay(true)
    client.on('data', messages(broker, request))
    broker.on('data', messages(client, answer))
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  }

  const server = createServer(serve)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    missing: (next) => void (missing = next),
    count: () => ({ ...counts }),
  }
}
