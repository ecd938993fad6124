/** Redis as a process of its own. */
import { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { gone } from '../examples/processes.js'
import { server as certified } from '../transport/tcp/certificates.js'
import { pause } from './echo.js'
import { faultProxy } from './proxy.js'
import { withOwnBroker } from './suite.js'
import { tlsFiles } from './tls-files.js'

await withOwnBroker('redis', (start) => {
  test('keeps a stream over kill and restart, on the same port', async () => {
    const broker = await start()
    const { url } = broker
    const before = new Redis(url)
    before.on('error', () => {})
    await before.xadd('stream', '*', 'kept', 'yes')
    const pid = broker.pid()
    await broker.kill()
    before.disconnect()
    expect(await gone(pid)).toBe(true)
    expect(broker.pid()).toBe(0)
    await broker.restart()
    expect(broker.pid()).not.toBe(pid)
    const after = new Redis(url)
    expect((await after.xrange('stream', '-', '+')).map(([, fields]) => fields)).toEqual([['kept', 'yes']])
    await after.quit()
    expect(await broker.command('XLEN', 'stream')).toBe('1\n')
    await expect(broker.command('NO-SUCH')).rejects.toThrow('unknown command')
  }, 60_000)

  test('answers nothing while frozen', async () => {
    const broker = await start()
    const redis = new Redis(broker.url)
    await redis.ping()
    broker.freeze()
    const pong = redis.ping()
    expect(await Promise.race([pong, pause(200)])).toBe(undefined)
    broker.thaw()
    expect(await pong).toBe('PONG')
    await redis.quit()
  }, 60_000)

  test('ends on SIGTERM, also when frozen, and for good with stop', async () => {
    const broker = await start({ appendOnly: false })
    broker.freeze()
    await broker.terminate()
    expect(broker.pid()).toBe(0)
    await broker.restart()
    const pid = broker.pid()
    await broker.stop()
    await broker.stop()
    expect(await gone(pid)).toBe(true)
  }, 60_000)

  test('listens with TLS', async () => {
    const broker = await start({ tls: tlsFiles(certified) })
    expect(broker.url).toMatch(/^rediss:/)
    const redis = new Redis(broker.url, { tls: { ca: certified.cert } })
    expect(await redis.ping()).toBe('PONG')
    expect(await broker.command('PING')).toBe('PONG\n')
    await redis.quit()
  }, 60_000)

  test('takes settings and a port, and fails with what it printed', async () => {
    const broker = await start({ settings: { requirepass: 'secret' } })
    const stranger = new Redis(broker.url)
    stranger.on('error', () => {})
    await expect(stranger.get('a')).rejects.toThrow('NOAUTH')
    stranger.disconnect()
    expect(await broker.command('PING')).toBe('PONG\n')
    await expect(start({ port: broker.port })).rejects.toThrow('is taken')
    await expect(start({ settings: { nonsense: 'yes' } })).rejects.toThrow('nonsense')
  }, 60_000)

  test('is reached through a proxy', async () => {
    const broker = await start()
    const proxy = await faultProxy(broker)
    const redis = new Redis(proxy.port, proxy.host, { retryStrategy: () => 20 })
    redis.on('error', () => {})
    await redis.set('a', '1')
    proxy.reset()
    expect(await redis.get('a')).toBe('1')
    redis.disconnect()
    await proxy.close()
  }, 60_000)
})
