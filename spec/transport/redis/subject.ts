/** The Redis transport as a subject of the conformance kit: one broker, and for each world a prefix and a user of its own. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Redis } from 'ioredis'
import { redis } from 'taskwire/redis'
import type { Subject, World } from 'taskwire/testing'

const keysOf = async (client: Redis, match: string): Promise<ReadonlyArray<string>> => {
  const found = new Set<string>()
  for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
    const [next, keys] = await client.scan(cursor, 'MATCH', match, 'COUNT', 1_000)
    for (const key of keys) found.add(key)
    cursor = next
  }
  return [...found]
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
