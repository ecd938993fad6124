/** Redis that goes away, is not there, does not let us in, or says nothing. */
import { readFile } from 'node:fs/promises'
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, createMicroservice, listen, type Status } from 'taskwire'
import { redis } from 'taskwire/redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { faultProxy } from '../../brokers/proxy.js'
import { freePort } from '../../brokers/port.js'
import { withBroker, withOwnBroker } from '../../brokers/suite.js'
import { tlsFiles } from '../../brokers/tls-files.js'
import { server } from '../tcp/certificates.js'
import { asked, caller, connected, on, outgoing, pause, place, published, replica, serve, until } from './support.js'

const proxied = async (url: string) => {
  const proxy = await faultProxy({ port: Number(new URL(url).port) })
  onTestFinished(() => proxy.close())
  return { proxy, url: `redis://${proxy.host}:${proxy.port}` }
}

const statuses = ({ status$ }: { readonly status$: { subscribe: (next: (status: Status) => void) => unknown } }) => {
  const seen: Array<Status> = []
  status$.subscribe((status) => void seen.push(status))
  return seen
}

await withOwnBroker('redis', (start) => {
  test('a restart in the middle of 2,000 events loses none that was confirmed', { timeout: 120_000 }, async () => {
    const broker = await start()
    const { options } = place(broker.url)
    const handled = new Map<number, number>()
    const count = (n: number) => TE.fromIO(() => void handled.set(n, (handled.get(n) ?? 0) + 1))
    const service = createMicroservice('survivor')
      .onEvent('n', t.number, (n) => (n % 100 === 99 && !handled.has(n) ? TE.left(n) : count(n)), {
        classify: () => (handled.size > 0 ? 'retryable' : 'permanent'),
      })
      .onMessage('ping', t.unknown, () => TE.right('pong'))
    const running = await serve(
      service.onEvent('never', t.never, () => TE.right(undefined)),
      options,
    )
    const client = caller(options)
    const confirmed: Array<number> = []
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < 2_000) {
        const n = next++
        const result = await client.emit('n', n, { timeout: 60_000 })()
        if (result._tag === 'Right') confirmed.push(n)
        await pause(1)
      }
    }
    const lanes = Promise.all(Array.from({ length: 20 }, lane))
    for (const share of [1 / 3, 2 / 3]) {
      await until('a part is through', () => next > 2_000 * share)
      await broker.kill()
      await until('readiness is false', () => !running.health().ready)
      await broker.restart()
    }
    await lanes
    expect(confirmed).toHaveLength(2_000)
    const missing = () => confirmed.filter((n) => !handled.has(n) && n % 100 !== 99)
    await until('all that was confirmed is handled', () => missing().length === 0, 60_000)
    await until('readiness is true', () => running.health().ready, 60_000)
    expect(await client.send('ping', 1, t.string, { timeout: 30_000 })()).toEqual({ _tag: 'Right', right: 'pong' })
  })

  test('retries that were due while Redis was down come after it is back', { timeout: 60_000 }, async () => {
    const broker = await start()
    const { options } = place(broker.url)
    const { connection, got } = await replica(options, [on('event', 'e')], { group: 'g' })
    await published(connection, outgoing('e', '1'))
    await until('it arrives', () => got.length === 1)
    const reason = { _tag: 'HandlerFailed', message: '', errorId: undefined, attempts: 1 } as const
    got[0]!.settle({
      _tag: 'Retry',
      delayMs: 500,
      attempt: 2,
      reason: { ...reason, firstFailedAt: 1, lastFailedAt: 1 },
    })
    await pause(200)
    await broker.kill()
    await pause(800)
    await broker.restart()
    await until('it comes again', () => got.length === 2, 40_000)
    expect(got[1]?.context.attempt).toBe(2)
  })

  test('settlements of an outage are written after it', { timeout: 60_000 }, async () => {
    const broker = await start()
    const { plain, prefix, options } = place(broker.url)
    const { connection, got } = await replica(options, [on('event', 'e')], { group: 'g' })
    for (let n = 0; n < 3; n++) await published(connection, outgoing('e', String(n)))
    await until('all arrive', () => got.length === 3)
    await broker.kill()
    const reason = { _tag: 'HandlerFailed', message: '', errorId: undefined, attempts: 1 } as const
    const failed = { ...reason, firstFailedAt: 1, lastFailedAt: 1 }
    got[0]!.settle({ _tag: 'Ack' })
    got[1]!.settle({ _tag: 'DeadLetter', reason: failed })
    got[2]!.settle({ _tag: 'Retry', delayMs: 60_000, attempt: 2, reason: failed })
    await broker.restart()
    const left = () =>
      plain.xpending(`${prefix}e`, 'g').then(
        (all) => (all as [number])[0],
        () => 1,
      )
    await until('nothing is pending', async () => (await left()) === 0, 40_000)
    expect(await plain.xlen(`{${prefix}e}:g:dlq`)).toBe(1)
    expect(await plain.zcard(`{${prefix}e}:g:delayed`)).toBe(1)
    expect(got).toHaveLength(3)
  })

  describe('a password', () => {
    test('that is wrong is told at once, to services and to callers', async () => {
      const broker = await start({ settings: { requirepass: 'right' } })
      for (const url of [broker.url, broker.url.replace('//', '//:wrong@'), broker.url.replace('//', '//some:one@')]) {
        const service = createMicroservice('x')
          .transport(redis({ url }))
          .onEvent('e', t.unknown, () => TE.right(undefined))
        const lines: Array<string> = []
        const started = await listen(service, { log: (line) => lines.push(line) })()
        expect(started).toMatchObject({ _tag: 'Left', left: { _tag: 'Unauthorized' } })
        const client = createClient(redis({ url }), { log: (line) => lines.push(line) })
        expect(await client.connect()).toMatchObject({ _tag: 'Left', left: { _tag: 'Unauthorized' } })
        expect(await client.emit('e', 1)()).toMatchObject({ _tag: 'Left', left: { _tag: 'Unauthorized' } })
        expect(await client.send('e', 1, t.unknown)()).toMatchObject({ _tag: 'Left', left: { _tag: 'Unauthorized' } })
        await client.close()
        expect(lines.join('\n')).not.toMatch(/wrong|one@/)
      }
      const refusals = await broker.command('INFO', 'errorstats')
      await pause(500)
      // No attempt after the first.
      expect(await broker.command('INFO', 'errorstats')).toBe(refusals)
    })

    test('that is right opens the door', async () => {
      const broker = await start({ settings: { requirepass: 'r:i@g/ht' } })
      const url = broker.url.replace('//', `//:${encodeURIComponent('r:i@g/ht')}@`)
      const client = createClient(redis({ url }))
      expect(await client.connect()).toMatchObject({ _tag: 'Right' })
      await client.close()
    })
  })

  test('a command that is not allowed keeps a service from starting', async () => {
    const broker = await start()
    await broker.command('ACL', 'SETUSER', 'reader', 'on', '>pw', '~*', '&*', '+@all', '-xgroup')
    const connection = await connected({ url: broker.url.replace('//', '//reader:pw@') }, { group: 'g' })
    expect(await connection.subscribe([on('event', 'e')], () => undefined)()).toMatchObject({
      _tag: 'Left',
      left: { _tag: 'Unauthorized' },
    })
  })

  test('a user that may do what the documentation says may do everything', { timeout: 30_000 }, async () => {
    const broker = await start()
    const page = await readFile(new URL('../../../docs/redis.md', import.meta.url), 'utf8')
    const [, keys = '', commands = ''] = /`(~shop[^)]*`)\)[^`]*`(\+@stream[^`]*)`/s.exec(page) ?? []
    const rules = [...keys.matchAll(/[~&][^`]+/g)].map(([rule]) => rule)
    expect(rules).toHaveLength(3)
    await broker.command('ACL', 'SETUSER', 'users', 'on', '>pw', ...rules, ...commands.split(' '))
    const lines: Array<string> = []
    const options = {
      url: broker.url.replace('//', '//users:pw@'),
      prefix: 'shop.',
      limits: { reclaimMs: 50, leaseMs: 150, presenceMs: 150, heartbeatMs: 1_000 },
    }
    const { connection, got, stop } = await replica(options, [on('event', 'e'), on('message', 'm')], {
      log: (line) => lines.push(line),
    })
    const answer = asked(connection, outgoing('m', '1'))
    for (const n of ['1', '2', '3']) await published(connection, outgoing('e', n, { mandatory: true }))
    await until('all arrive', () => got.length === 4)
    const failed = { _tag: 'HandlerFailed', message: '', errorId: undefined, attempts: 1 } as const
    const reason = { ...failed, firstFailedAt: 1, lastFailedAt: 1 }
    const events = got.filter(({ subscription }) => subscription === 0)
    events[0]!.settle({ _tag: 'Retry', delayMs: 10, attempt: 2, reason })
    events[1]!.settle({ _tag: 'DeadLetter', reason })
    got.find(({ subscription }) => subscription === 1)!.settle({ _tag: 'Reply', status: 'ok', body: '' })
    expect(await answer).toMatchObject({ _tag: 'Reply' })
    expect(await asked(connection, outgoing('nobody', '1'))).toMatchObject({ error: { _tag: 'NoHandler' } })
    await until('the retry comes', () => got.length === 5)
    // Several rounds of upkeep, and a sign of life.
    await pause(1_500)
    await stop()
    await connection.close()
    expect(lines).toEqual([])
    expect(await broker.command('ACL', 'LOG')).not.toContain('reason')
  })

  test('TLS is spoken, and a certificate that nobody vouches for is refused', async () => {
    const broker = await start({ tls: tlsFiles(server) })
    const { prefix } = { prefix: 'tls.' }
    const options = { url: broker.url, prefix, ioredis: { tls: { ca: server.cert } } }
    const seen: Array<number> = []
    await serve(
      createMicroservice('secure')
        .onEvent('e', t.number, (n) => TE.fromIO(() => void seen.push(n)))
        .onMessage('m', t.number, (n) => TE.right(n + 1)),
      options,
    )
    const client = caller(options)
    expect(await client.send('m', 1, t.number)()).toEqual({ _tag: 'Right', right: 2 })
    expect(await client.emit('e', 7)()).toMatchObject({ _tag: 'Right' })
    await until('it arrives', () => seen.length === 1)
    const refused = await caller({ url: broker.url, prefix }).connect()
    expect(refused).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
  })

  test('writes that Redis has no memory for are refused as overload, and taken later', async () => {
    const broker = await start({ settings: { maxmemory: '1', 'maxmemory-policy': 'noeviction' } })
    const { options } = place(broker.url)
    const sender = await connected(options)
    expect(await published(sender, outgoing('e', '1'))).toMatchObject({
      error: { _tag: 'Overloaded' },
      processed: 'no',
    })
    expect(await asked(sender, outgoing('m', '1'))).toMatchObject({ error: { _tag: 'Overloaded' }, processed: 'no' })
    await broker.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(await published(sender, outgoing('e', '1'))).toEqual({ _tag: 'Accepted' })
  })

  test('a frozen Redis is noticed, and used again when it has thawed', { timeout: 60_000 }, async () => {
    const broker = await start()
    const { options } = place(broker.url, { limits: { heartbeatMs: 200 }, ioredis: { connectTimeout: 300 } })
    const seen: Array<unknown> = []
    const running = await serve(
      createMicroservice('cold').onEvent('e', t.unknown, (n) => TE.fromIO(() => void seen.push(n))),
      options,
    )
    const client = caller(options)
    expect(await client.emit('e', 1)()).toMatchObject({ _tag: 'Right' })
    broker.freeze()
    await until('readiness is false', () => !running.health().ready)
    await pause(1_500)
    expect(await client.connect()).toMatchObject({ _tag: 'Left' })
    broker.thaw()
    expect(await client.emit('e', 2, { timeout: 30_000 })()).toMatchObject({ _tag: 'Right' })
    await until('it is handled', () => seen.includes(2), 30_000)
    await until('readiness is true', () => running.health().ready, 30_000)
  })

  test('a master that became a replica is left for another look', { timeout: 60_000 }, async () => {
    const broker = await start()
    const { options } = place(broker.url)
    const sender = await connected(options)
    const seen = statuses(sender)
    expect(await published(sender, outgoing('e', '1'))).toEqual({ _tag: 'Accepted' })
    await broker.command('REPLICAOF', '127.0.0.1', '1')
    expect(await published(sender, outgoing('e', '2'))).toMatchObject({ _tag: 'Failing' })
    await until('it is lost', () => seen.includes('lost'))
    await broker.command('REPLICAOF', 'NO', 'ONE')
    await until('it is back', () => seen.at(-1) === 'ready')
    expect(await published(sender, outgoing('e', '3'))).toEqual({ _tag: 'Accepted' })
  })
})

await withBroker('redis', (url) => {
  describe('Redis that is not there', () => {
    test('is waited for, and told to those who ask', async () => {
      const port = await freePort()
      const nowhere = `redis://127.0.0.1:${port}`
      const client = caller({ url: nowhere })
      expect(await client.connect()).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
      expect(await client.emit('e', 1, { timeout: 200 })()).toMatchObject({
        left: { _tag: 'TimeoutError', waitingFor: 'connection' },
      })
      expect(await client.send('m', 1, t.unknown, { timeout: 200 })()).toMatchObject({
        left: { _tag: 'TimeoutError', waitingFor: 'connection' },
      })
      const service = createMicroservice('x')
        .transport(redis({ url: nowhere }))
        .onEvent('e', t.unknown, () => TE.right(undefined))
      const started = await listen(service, { startTimeout: 300, log: false })()
      expect(started).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
    })

    test('and comes later is found', { timeout: 60_000 }, async () => {
      const { proxy, url: through } = await proxied(url)
      await proxy.down()
      const { prefix } = place(url)
      const service = createMicroservice('patient').onMessage('m', t.unknown, () => TE.right('here'))
      const serving = serve(service, { url: through, prefix })
      const client = caller({ url: through, prefix })
      const answer = client.send('m', 1, t.string, { timeout: 30_000 })()
      await pause(300)
      await proxy.up()
      await serving
      expect(await answer).toMatchObject({ right: 'here' })
    })
  })

  describe('a connection that says nothing', () => {
    test('is noticed, and everything resumes when it speaks again', { timeout: 60_000 }, async () => {
      const { proxy, url: through } = await proxied(url)
      const { prefix } = place(url)
      const options = { url: through, prefix, limits: { heartbeatMs: 300 } }
      const seen: Array<unknown> = []
      const running = await serve(
        createMicroservice('deaf')
          .onEvent('e', t.unknown, (n) => TE.fromIO(() => void seen.push(n)))
          .onMessage('m', t.unknown, () => TE.right('pong')),
        options,
      )
      const client = caller(options)
      expect(await client.send('m', 1, t.string)()).toMatchObject({ right: 'pong' })
      proxy.hold()
      const began = Date.now()
      const unknown = client.emit('e', 1, { timeout: 2_000 })()
      await until('readiness is false', () => !running.health().ready)
      expect(Date.now() - began).toBeLessThan(5_000)
      expect(await unknown).toMatchObject({ _tag: 'Left', left: { _tag: 'OutcomeUnknown' } })
      await proxy.heal()
      proxy.reset()
      await until('readiness is true', () => running.health().ready, 30_000)
      expect(await client.emit('e', 2, { timeout: 20_000 })()).toMatchObject({ _tag: 'Right' })
      await until('it is handled', () => seen.includes(2), 20_000)
      expect(await client.send('m', 1, t.string, { timeout: 20_000 })()).toMatchObject({ right: 'pong' })
    })

    test('lets a service stop in time', { timeout: 60_000 }, async () => {
      const { proxy, url: through } = await proxied(url)
      const { prefix } = place(url)
      const running = await serve(
        createMicroservice('deaf').onEvent('e', t.unknown, () => TE.right(undefined)),
        { url: through, prefix },
      )
      proxy.hold()
      const began = Date.now()
      await running.stop()
      expect(Date.now() - began).toBeLessThan(12_000)
    })
  })

  test('an emit whose confirmation is lost on the way is sent again with its id', { timeout: 60_000 }, async () => {
    const { proxy, url: through } = await proxied(url)
    const { plain, prefix } = place(url)
    const client = caller({ url: through, prefix, limits: { heartbeatMs: 300 } })
    expect(await client.connect()).toMatchObject({ _tag: 'Right' })
    proxy.hold('down')
    const emitted = client.emit('e', 1, { timeout: 20_000, messageId: 'same' })()
    await until('it is there', async () => (await plain.xlen(`${prefix}e`)) === 1)
    proxy.reset()
    await proxy.heal()
    expect(await emitted).toMatchObject({ _tag: 'Right' })
    const ids = (await plain.xrange(`${prefix}e`, '-', '+')).map(([, flat]) => flat[flat.indexOf('ce_id') + 1])
    expect(ids).toEqual(['same', 'same'])
  })

  test(
    'calls that wait for replies outlive the loss of the connection that hears them',
    { timeout: 60_000 },
    async () => {
      const { proxy, url: through } = await proxied(url)
      const { prefix, options } = place(url)
      const { got } = await replica(options, [on('message', 'm')])
      const client = caller({ url: through, prefix })
      const answer = client.send('m', 1, t.string, { timeout: 20_000 })()
      await until('it arrives', () => got.length === 1)
      proxy.reset()
      // n.b. nobody hears the first
      got[0]!.settle({ _tag: 'Reply', status: 'ok', body: '"after all"' })
      expect(await answer).toMatchObject({ right: 'after all' })
    },
  )

  test('a client that is closed fails what is under way, and every later call', async () => {
    const { options } = place(url)
    const { got } = await replica(options, [on('message', 'm')])
    const connection = await connected(options)
    const answer = asked(connection, outgoing('m', '1'))
    await until('it arrives', () => got.length === 1)
    await connection.close()
    expect(await answer).toMatchObject({ error: { _tag: 'Closed' }, processed: 'maybe' })
    expect(await asked(connection, outgoing('m', '1'))).toMatchObject({ error: { _tag: 'Closed' }, processed: 'no' })
    expect(await published(connection, outgoing('e', '1'))).toMatchObject({
      error: { _tag: 'Closed' },
      processed: 'no',
    })
    await connection.close()
  })
})
