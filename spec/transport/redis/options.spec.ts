import { redis, type RedisOptions } from 'taskwire/redis'
import { createClient } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { settingsOf } from '../../../lib/transport/redis/options.js'

const problemsOf = (options: unknown): ReadonlyArray<string> =>
  redis(options as RedisOptions).problems.map(({ option }) => option)

describe('options of the Redis transport', () => {
  test('need not be given', () => {
    expect(redis().problems).toEqual([])
    expect(settingsOf({}).settings).toMatchObject({
      name: 'redis',
      driver: { host: '127.0.0.1', port: 6379, db: 0 },
      prefix: '',
      startAt: 'end',
      maxLength: 1_000_000,
    })
  })

  test.each([
    ['redis://host', { host: 'host', port: 6379, db: 0 }],
    ['redis://[::1]:7000/3', { host: '::1', port: 7000, db: 3 }],
    ['redis://user:p%40ss%2F@host:1', { host: 'host', port: 1, username: 'user', password: 'p@ss/' }],
    ['redis://:only@host', { host: 'host', password: 'only' }],
    ['rediss://host:6380', { host: 'host', port: 6380, tls: {} }],
  ])('read %s', (url, driver) => {
    expect(redis({ url }).problems).toEqual([])
    expect(settingsOf({ url }).settings.driver).toMatchObject(driver)
  })

  test('of ioredis win over the URL', () => {
    const ioredis = { password: 'other', tls: { servername: 'x' } }
    expect(settingsOf({ url: 'rediss://:one@host', ioredis }).settings.driver).toMatchObject({
      host: 'host',
      ...ioredis,
    })
  })

  test.each([
    [{ name: '' }, ['name']],
    [{ prefix: 'a:b' }, ['prefix']],
    [{ prefix: 'x'.repeat(61) }, ['prefix']],
    [{ url: 'http://host' }, ['url']],
    [{ url: 'redis:' }, ['url']],
    [{ url: 'redis:///0' }, ['url']],
    [{ url: 'redis://host/zero' }, ['url']],
    [{ url: 'redis://%zz@host' }, ['url']],
    [{ url: 7 }, ['url']],
    [{ ioredis: 'host' }, ['ioredis']],
    [{ ioredis: { keyPrefix: 'x' } }, ['ioredis.keyPrefix']],
    [{ cluster: {} }, ['cluster']],
    [{ cluster: { nodes: [] } }, ['cluster']],
    [{ cluster: { nodes: [{ host: 'a' }] } }, ['cluster']],
    [{ url: 'redis://a', cluster: { nodes: [{ host: 'a', port: 1 }] } }, ['url']],
    [{ startAt: 'now' }, ['startAt']],
    [{ maxLength: 0 }, ['maxLength']],
    [{ maxLength: 1.5 }, ['maxLength']],
    [{ limits: { leaseMs: 1 } }, ['limits.leaseMs']],
    [{ limits: { reclaimMs: '1' } }, ['limits.reclaimMs']],
    [{ limits: { presenceMs: Number.NaN, maxRequests: 0 } }, ['limits.presenceMs', 'limits.maxRequests']],
  ])('out of their range are named: %j', (options, problems) => {
    expect(problemsOf(options)).toEqual(problems)
  })

  test('that are wrong are told to callers, without a password', async () => {
    const client = createClient(redis({ url: 'redis://:secret@host/zero' }))
    const connected = await client.connect()
    expect(connected).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed', name: 'redis' } })
    expect(JSON.stringify(connected)).not.toContain('secret')
    await client.close()
  })
})
