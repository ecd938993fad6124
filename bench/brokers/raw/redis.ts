/**
 * The practical limit on Redis: streams read in batches on a connection of their own, requests with NOACK and replies by
 * pub/sub, events acknowledged a batch at a time after their handlers; everything else pipelined by ioredis.
 */
import { Redis } from 'ioredis'
import type { BrokerContender, Place } from '../contenders.js'
import { replies } from './replies.js'

const GROUP = 'group'
const REQUESTS_KEPT = 10_000
const BATCH = 500

const requests = ({ id }: Place): string => `${id}:requests`
const events = ({ id }: Place): string => `${id}:events`

type Entry = readonly [id: string, fields: ReadonlyArray<string>]
type Streams = ReadonlyArray<readonly [stream: string, entries: ReadonlyArray<Entry>]> | null

/** ioredis 6 speaks RESP3, in which the answer is a map: an object there, a list of pairs before. */
const entriesOf = (answer: unknown): ReadonlyArray<Entry> => {
  const streams = answer as Streams | Readonly<Record<string, ReadonlyArray<Entry>>>
  if (streams === null) return []
  return Object.values(
    Array.isArray(streams) ? Object.fromEntries(streams as NonNullable<Streams>) : streams,
  ).flat() as ReadonlyArray<Entry>
}

const forever = async (step: () => Promise<void>): Promise<never> => {
  for (;;) await step()
}

export const serve: BrokerContender['serve'] = async (place, [{ check }], handled) => {
  const writer = new Redis(place.url, { enableAutoPipelining: true })
  const requestReader = new Redis(place.url)
  const eventReader = new Redis(place.url)
  for (const stream of [requests(place), events(place)]) await writer.xgroup('CREATE', stream, GROUP, '$', 'MKSTREAM')

  const handleRequests = async (): Promise<void> => {
    const answer = await requestReader.xreadgroup(
      ...(['GROUP', GROUP, 'a', 'COUNT', BATCH, 'BLOCK', 2_000, 'NOACK', 'STREAMS', requests(place), '>'] as const),
    )
    const replies = new Map<string, string>()
    for (const [, fields] of entriesOf(answer)) {
      const [, channel = '', , id = '', , body = ''] = fields
      const before = replies.get(channel)
      const reply = `${id} ${JSON.stringify(check(JSON.parse(body)))}`
      replies.set(channel, before === undefined ? reply : `${before}\n${reply}`)
    }
    for (const [channel, lines] of replies) void writer.publish(channel, lines)
  }

  const handleEvents = async (): Promise<void> => {
    const answer = await eventReader.xreadgroup(
      ...(['GROUP', GROUP, 'a', 'COUNT', BATCH, 'BLOCK', 2_000, 'STREAMS', events(place), '>'] as const),
    )
    const entries = entriesOf(answer)
    if (entries.length === 0) return
    for (const [, fields] of entries) handled(check(JSON.parse(fields[1] ?? '')))
    void writer.xack(events(place), GROUP, ...entries.map(([id]) => id))
  }

  void forever(handleRequests)
  void forever(handleEvents)
}

export const connect: BrokerContender['connect'] = async (place, [{ check }]) => {
  const writer = new Redis(place.url, { enableAutoPipelining: true })
  const reader = new Redis(place.url)
  const channel = `${place.id}:replies`
  const { wait, settle, fail } = replies()

  reader.on('message', (_channel, message) => {
    for (const line of message.split('\n')) {
      const space = line.indexOf(' ')
      settle(line.slice(0, space), () => check(JSON.parse(line.slice(space + 1))))
    }
  })
  await reader.subscribe(channel)

  return {
    calls: [
      (payload) =>
        wait((id) => {
          const fields = ['channel', channel, 'id', id, 'body', JSON.stringify(payload)]
          writer
            .xadd(requests(place), 'MAXLEN', '~', REQUESTS_KEPT, '*', ...fields)
            .catch((error: unknown) => fail(id, error))
        }),
    ],
    emit: (payload) => writer.xadd(events(place), '*', 'body', JSON.stringify(payload)),
  }
}
