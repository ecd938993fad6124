/**
 * What the bytes of a connection to a broker say: commands, frames or requests on their way out, and answers and
 * deliveries that arrive. Points in a program's life are named after them, so that a point is the same one in every run,
 * however packets are cut and connections take turns.
 */
import { emit } from '../../../lib/transport/redis/batch.js'
import * as scripts from '../../../lib/transport/redis/scripts.js'
import type { Kind } from '../../brokers/software.js'

/** One of them, and where it stands in what was written. */
export interface Unit {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** One connection. */
export interface Dialect {
  readonly written: (bytes: Buffer) => ReadonlyArray<Unit>
  /** The names of those that are complete with these bytes. */
  readonly arrived: (bytes: Buffer) => ReadonlyArray<string>
}

/** What begins at an offset: its name, if it is worth one, and where it ends; `undefined` while it is incomplete. */
type Cut = (bytes: Buffer, at: number) => { readonly name: string | undefined; readonly end: number } | undefined

/** n.b. whoever writes writes whole ones; a rest is one by itself. */
const whole =
  (cut: Cut) =>
  (bytes: Buffer): ReadonlyArray<Unit> => {
    const units: Array<Unit> = []
    for (let at = 0; at < bytes.length;) {
      const { name, end } = cut(bytes, at) ?? { name: 'a rest', end: bytes.length }
      const last = units.at(-1)
      if (name !== undefined || last === undefined) units.push({ name: name ?? 'a rest', start: at, end })
      else units.splice(-1, 1, { ...last, end })
      at = end
    }
    return units
  }

const gathering = (cut: Cut): Dialect['arrived'] => {
  let rest: Buffer = Buffer.alloc(0)
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    const names: Array<string> = []
    for (let found = cut(rest, 0); found !== undefined && found.end <= rest.length; found = cut(rest, 0)) {
      if (found.name !== undefined) names.push(found.name)
      rest = rest.subarray(found.end)
    }
    return names
  }
}

// ---- Redis: commands, and an answer for each of them in their order

const scriptNames = new Map(
  Object.entries({ ...scripts, emit }).flatMap(([name, script]) =>
    'sha' in script ? [[script.sha, name] as const] : [],
  ),
)

const lineEnd = (bytes: Buffer, at: number): number | undefined => {
  const end = bytes.indexOf('\r\n', at)
  return end === -1 ? undefined : end + 2
}

/** Where a RESP value ends. */
const valueEnd = (bytes: Buffer, at: number): number | undefined => {
  const end = lineEnd(bytes, at)
  if (end === undefined) return undefined
  const type = String.fromCharCode(bytes[at] ?? 0)
  const size = Number(bytes.toString('latin1', at + 1, end - 2))
  if ('$=!'.includes(type)) return size < 0 ? end : end + size + 2 <= bytes.length ? end + size + 2 : undefined
  const parts = '*~>'.includes(type) ? size : type === '%' ? 2 * size : 0
  let next: number | undefined = end
  for (let i = 0; i < parts && next !== undefined; i += 1) next = valueEnd(bytes, next)
  return next
}

const redis = (): Dialect => {
  const asked: Array<string> = []
  const command: Cut = (bytes, at) => {
    const end = valueEnd(bytes, at)
    if (end === undefined) return undefined
    // n.b. `*3 $7 EVALSHA $40 <sha> ...`, one a line
    const [, , verb = '', , first = ''] = bytes.toString('latin1', at, Math.min(end, at + 200)).split('\r\n')
    return { name: verb.startsWith('eval') ? (scriptNames.get(first) ?? verb) : verb.toUpperCase(), end }
  }
  const written = whole(command)
  return {
    written: (bytes) => {
      const units = written(bytes)
      asked.push(...units.map(({ name }) => name))
      return units
    },
    arrived: gathering((bytes, at) => {
      const end = valueEnd(bytes, at)
      if (end === undefined) return undefined
      // n.b. what is pushed answers nothing
      return { name: bytes[at] === 0x3e ? 'a push' : (asked.shift() ?? 'nothing'), end }
    }),
  }
}

// ---- RabbitMQ: frames; those with the content of a message belong to the one before them

const methods: Readonly<Record<string, string>> = {
  ...{ '10.10': 'connection.start', '10.11': 'connection.start-ok', '10.30': 'connection.tune' },
  ...{ '10.31': 'connection.tune-ok', '10.40': 'connection.open', '10.41': 'connection.open-ok' },
  ...{
    '10.50': 'connection.close',
    '10.51': 'connection.close-ok',
    '20.10': 'channel.open',
    '20.11': 'channel.open-ok',
  },
  ...{
    '20.40': 'channel.close',
    '20.41': 'channel.close-ok',
    '40.10': 'exchange.declare',
    '40.11': 'exchange.declare-ok',
  },
  ...{ '50.10': 'queue.declare', '50.11': 'queue.declare-ok', '50.20': 'queue.bind', '50.21': 'queue.bind-ok' },
  ...{ '60.10': 'basic.qos', '60.11': 'basic.qos-ok', '60.20': 'basic.consume', '60.21': 'basic.consume-ok' },
  ...{ '60.30': 'basic.cancel', '60.31': 'basic.cancel-ok', '60.40': 'basic.publish', '60.50': 'basic.return' },
  ...{ '60.60': 'basic.deliver', '60.70': 'basic.get', '60.71': 'basic.get-ok', '60.72': 'basic.get-empty' },
  ...{ '60.80': 'basic.ack', '60.90': 'basic.reject', '60.120': 'basic.nack' },
  ...{ '85.10': 'confirm.select', '85.11': 'confirm.select-ok' },
}

const frame: Cut = (bytes, at) => {
  if (bytes.toString('latin1', at, at + 4) === 'AMQP') return { name: 'the protocol', end: at + 8 }
  if (bytes.length < at + 11) return undefined
  const end = at + 8 + bytes.readUInt32BE(at + 3)
  if (bytes.length < end) return undefined
  const type = bytes[at]
  const method = `${bytes.readUInt16BE(at + 7)}.${bytes.readUInt16BE(at + 9)}`
  return { name: type === 1 ? (methods[method] ?? method) : type === 8 ? 'heartbeat' : undefined, end }
}

const amqp = (): Dialect => ({ written: whole(frame), arrived: gathering(frame) })

// ---- Kafka: requests, and answers that name theirs

const requests: Readonly<Record<number, string>> = {
  ...{ 0: 'Produce', 1: 'Fetch', 2: 'ListOffsets', 3: 'Metadata', 8: 'OffsetCommit', 9: 'OffsetFetch' },
  ...{ 10: 'FindCoordinator', 11: 'JoinGroup', 12: 'Heartbeat', 13: 'LeaveGroup', 14: 'SyncGroup' },
  ...{ 18: 'ApiVersions', 19: 'CreateTopics', 21: 'DeleteRecords', 22: 'InitProducerId', 32: 'DescribeConfigs' },
}

const kafka = (): Dialect => {
  const asked = new Map<number, string>()
  const sized = (bytes: Buffer, at: number): number | undefined => {
    const end = bytes.length < at + 4 ? undefined : at + 4 + bytes.readUInt32BE(at)
    return end === undefined || bytes.length < end ? undefined : end
  }
  return {
    written: whole((bytes, at) => {
      const end = sized(bytes, at)
      if (end === undefined) return undefined
      const key = bytes.readInt16BE(at + 4)
      const name = requests[key] ?? `request ${key}`
      asked.set(bytes.readInt32BE(at + 8), name)
      return { name, end }
    }),
    arrived: gathering((bytes, at) => {
      const end = sized(bytes, at)
      if (end === undefined) return undefined
      const id = bytes.readInt32BE(at + 4)
      const name = asked.get(id) ?? 'nothing'
      asked.delete(id)
      return { name, end }
    }),
  }
}

/** How each kind of broker is spoken to; one value for each connection. */
export const dialects: Readonly<Record<Kind, () => Dialect>> = { redis, amqp, kafka }
