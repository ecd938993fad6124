/** The Redis transport as a subject of the conformance kit: one broker, and for each world a prefix and a user of its own. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { redis } from 'taskwire/redis'
import type { Letter, Subject, World } from 'taskwire/testing'
import { field, headersOf, type Fields } from '../../../lib/transport/broker/attributes.js'
import { letterField } from '../../../lib/transport/broker/letter.js'

interface Lying {
  readonly key: string
  readonly id: string
  readonly body: Buffer
  readonly rest: ReadonlyArray<readonly [string, Buffer]>
  readonly fields: Fields
}

const keysOf = async (client: Redis, match: string): Promise<ReadonlyArray<string>> => {
  const found = new Set<string>()
  for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
    const [next, keys] = await client.scan(cursor, 'MATCH', match, 'COUNT', 1_000)
    for (const key of keys) found.add(key)
    cursor = next
  }
  return [...found]
}

const lying = async (client: Redis, prefix: string): Promise<ReadonlyArray<Lying>> => {
  const all: Array<Lying> = []
  for (const key of await keysOf(client, `{${prefix}*:dlq`)) {
    if ((await client.type(key)) !== 'stream') continue
    for (const [id, flat] of await client.xrangeBuffer(key, '-', '+')) {
      const pairs: Array<readonly [string, Buffer]> = []
      for (let i = 0; i < flat.length; i += 2) pairs.push([String(flat[i]), flat[i + 1]!])
      const rest = pairs.slice(1)
      const fields = Object.fromEntries(rest.map(([name, value]) => [name, String(value)]))
      all.push({ key, id: String(id), body: pairs[0]![1], rest, fields })
    }
  }
  return all
}

const tagOf = (reason: string): string =>
  reason.replaceAll(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase())

const letterOf = ({ body, fields }: Lying): Letter => ({
  body,
  headers: headersOf(fields),
  messageId: fields[letterField.messageId] ?? '',
  reason: tagOf(fields[letterField.reason] ?? ''),
  message: fields[letterField.message] ?? '',
  attempts: Number(fields[letterField.attempts]),
})

const putBack = async (client: Redis, { key, id, body, rest, fields }: Lying): Promise<void> => {
  const kept = rest.filter(([name]) => !name.startsWith('taskwire-dead-')).flat()
  const again = [field.endpoint, fields[letterField.endpoint]!, field.origin, fields[letterField.source]!]
  await client
    .multi()
    .xadd(key.replace(/:dlq$/, ':retry'), '*', 'body', body, ...kept, ...again)
    .xdel(key, id)
    .exec()
}

/** Makes every place for dead letters something that they cannot be written to. */
const spoil = async (client: Redis, prefix: string): Promise<() => Promise<void>> => {
  const spoilt = (await keysOf(client, `{${prefix}*:retry`)).map((key) => key.replace(/:retry$/, ':dlq'))
  for (const key of spoilt) await client.set(key, 'no stream')
  return async () => {
    await client.del(...spoilt)
  }
}

const world = async (url: string): Promise<World> => {
  const prefix = `spec-${randomUUID().slice(0, 8)}.`
  const user = prefix.slice(0, -1)
  const password = randomUUID()
  const client = new Redis(url)
  await client.call('ACL', 'SETUSER', user, 'on', `>${password}`, '~*', '&*', '+@all')
  const transport = (name: string) => redis({ name, url, prefix, ioredis: { username: user, password } })
  return {
    transport,
    client: (_, name) => transport(name),
    deadLetters: async () => (await lying(client, prefix)).map(letterOf),
    redrive: async () => {
      const all = await lying(client, prefix)
      for (const one of all) await putBack(client, one)
      return all.length
    },
    breakDeadLetters: () => spoil(client, prefix),
    // Nobody else loses the broker.
    outage: async () => {
      await client.call('ACL', 'SETUSER', user, 'off')
      await client.call('CLIENT', 'KILL', 'USER', user)
      return async () => {
        await client.call('ACL', 'SETUSER', user, 'on')
      }
    },
    dispose: async () => {
      const keys = [...(await keysOf(client, `${prefix}*`)), ...(await keysOf(client, `{${prefix}*`))]
      for (let from = 0; from < keys.length; from += 500) await client.unlink(...keys.slice(from, from + 500))
      await client.call('ACL', 'DELUSER', user)
      // n.b. after QUIT the socket is still open for a moment
      const ended = once(client, 'end')
      client.disconnect()
      await ended
    },
  }
}

/** The subject, on the broker at `url`. */
export const redisSubject = (url: string): Subject => ({
  name: 'redis',
  capabilities: redis().capabilities,
  patience: 30_000,
  world: () => world(url),
})
