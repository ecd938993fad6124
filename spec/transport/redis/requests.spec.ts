/** Requests: who is there to answer them, and that none runs twice, late, or after its caller was told that nobody is there. */
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice, type AnyEndpoint, type Service } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { asked, caller, connected, on, outgoing, pause, place, replica, serve, until } from './support.js'

await withBroker('redis', (url) => {
  describe('a request that nobody answers', () => {
    test('fails within a second, and does not run when somebody comes', async () => {
      const { plain, prefix, options } = place(url)
      const sender = await connected(options)
      const began = Date.now()
      expect(await asked(sender, outgoing('ask', '1'))).toEqual({
        _tag: 'Failing',
        error: { _tag: 'NoHandler', pattern: 'ask' },
        processed: 'no',
        retryAfterMs: undefined,
      })
      expect(Date.now() - began).toBeLessThan(1_000)
      expect(await plain.xlen(`{${prefix}ask}:requests`)).toBe(0)
      const { got } = await replica(options, [on('message', 'ask')])
      await pause(100)
      expect(got).toEqual([])
    })

    test('fails when the last replica has stopped, not when one of two has', async () => {
      const { options } = place(url)
      const one = await replica(options, [on('message', 'ask')])
      const two = await replica(options, [on('message', 'ask')])
      const sender = await connected(options)
      await one.stop()
      const answered = asked(sender, outgoing('ask', '1'))
      await until('the other is given it', () => two.got.length === 1)
      await pause(300)
      two.got[0]!.settle({ _tag: 'Reply', status: 'ok', body: '' })
      expect(await answered).toMatchObject({ _tag: 'Reply' })
      await two.stop()
      expect(await asked(sender, outgoing('ask', '1'))).toMatchObject({ error: { _tag: 'NoHandler' } })
    })

    test('is not taken for one whose handler takes its time', async () => {
      const { options } = place(url)
      const service = createMicroservice('slow').onMessage('ask', t.unknown, () => async () => {
        await pause(1_500)
        return { _tag: 'Right', right: 'late' } as const
      })
      const running = await serve(service, options)
      const answered = caller(options).send('ask', 1, t.string)()
      await pause(400)
      // It was read: whatever is said of presence now, it may have run.
      void running.stop()
      expect(await answered).toEqual({ _tag: 'Right', right: 'late' })
    })

    test('because its replica was killed fails once that is taken for gone', async () => {
      const { plain, prefix, options } = place(url, { limits: { presenceMs: 1_000 } })
      const presence = `{${prefix}ask}:presence`
      await plain.zadd(presence, String(Date.now() + 1_000), 'died')
      await plain.xgroup('CREATE', `{${prefix}ask}:requests`, 'requests', '0', 'MKSTREAM')
      const sender = await connected(options)
      const began = Date.now()
      expect(await asked(sender, outgoing('ask', '1'))).toMatchObject({ error: { _tag: 'NoHandler' }, processed: 'no' })
      expect(Date.now() - began).toBeGreaterThan(900)
    })
  })

  test('a replica says again and again that it is there, and takes it back when it stops', async () => {
    const { plain, prefix, options } = place(url, { limits: { presenceMs: 300 } })
    const presence = `{${prefix}ask}:presence`
    const { stop } = await replica(options, [on('message', 'ask')], { instance: 'me' })
    for (let n = 0; n < 5; n++) {
      expect(await plain.zrange(presence, '0', '-1')).toEqual(['me.redis'])
      expect(Number(await plain.zscore(presence, 'me.redis'))).toBeGreaterThan(Date.now() - 50)
      await pause(150)
    }
    await stop()
    expect(await plain.zrange(presence, '0', '-1')).toEqual([])
  })

  test('requests beyond what a replica has room for wait for another, or for a place', async () => {
    const { options } = place(url)
    const small = [on('message', 'ask', { window: 2 })]
    const one = await replica(options, small)
    const sender = await connected(options)
    const answers = Array.from({ length: 5 }, (_, n) => asked(sender, outgoing('ask', String(n))))
    await until('it is full', () => one.got.length === 2)
    const two = await replica(options, small)
    await until('the other is full', () => two.got.length === 2)
    one.got[0]!.settle({ _tag: 'Reply', status: 'ok', body: '1' })
    await until('the last has a place', () => one.got.length + two.got.length === 5)
    for (const { settle } of [...one.got.slice(1), ...two.got]) settle({ _tag: 'Reply', status: 'ok', body: '2' })
    expect((await Promise.all(answers)).map(({ _tag }) => _tag)).toEqual(Array(5).fill('Reply'))
  })

  test('a request whose caller waits no longer does not run', async () => {
    const { plain, prefix, options } = place(url)
    const ran: Array<string> = []
    const service = createMicroservice('s').onMessage('ask', t.string, (text) => TE.fromIO(() => void ran.push(text)))
    await serve(service, options)
    const past = ['taskwire-request', `1 ${prefix}replies:me 100 ${String(Date.now() - 1)}`]
    await plain.xadd(`{${prefix}ask}:requests`, '*', 'body', '"late"', ...past)
    await plain.xadd(`{${prefix}ask}:requests`, '*', 'body', '"in time"')
    await until('the one in time runs', () => ran.length === 1)
    expect(ran).toEqual(['in time'])
  })

  test('a request that a stopping replica refuses was not processed', async () => {
    const { options } = place(url)
    const { connection, got } = await replica(options, [on('message', 'ask')])
    const answer = asked(connection, outgoing('ask', '1'))
    await until('it arrives', () => got.length === 1)
    got[0]!.settle({ _tag: 'Refuse', because: 'draining', limit: 0 })
    expect(await answer).toMatchObject({ _tag: 'Failing', processed: 'no', retryAfterMs: 100 })
  })

  test('a request is delivered once: the group of requests keeps nothing pending', async () => {
    const { plain, prefix, options } = place(url)
    const { got } = await replica(options, [on('message', 'ask')])
    await plain.xadd(`{${prefix}ask}:requests`, '*', 'body', '1')
    await until('it arrives', () => got.length === 1)
    expect(((await plain.xpending(`{${prefix}ask}:requests`, 'requests')) as [number])[0]).toBe(0)
  })

  test('requests that nobody reads are bounded', async () => {
    const { plain, prefix, options } = place(url, { limits: { maxRequests: 100 } })
    // Somebody is there, and reads nothing.
    await plain.zadd(`{${prefix}ask}:presence`, String(Date.now() + 60_000), 'frozen')
    const sender = await connected(options)
    for (let n = 0; n < 1_000; n++) sender.request(outgoing('ask', String(n)), () => undefined)
    await until('all are written', async () => {
      const [, info] = (await plain.xinfo('STREAM', `{${prefix}ask}:requests`).catch(() => [])) as Array<unknown>
      return Number(info ?? 0) > 0 && Number(info) < 300
    })
  })

  test('events and requests of one pattern, and of patterns of any text, never meet', async () => {
    const { options } = place(url)
    const patterns = ['a', 'a:requests', '{a}', 'a}:requests', 'a:g:retry', '{a}:g:dlq', 'a-3A', 'replies:x']
    const heard: Array<string> = []
    const empty: Service<never, AnyEndpoint> = createMicroservice('g')
    const service = patterns.reduce<Service<never, AnyEndpoint>>(
      (so, pattern) => ({
        ...so,
        endpoints: [
          ...so.endpoints,
          ...createMicroservice('g')
            .onEvent(pattern, t.string, (text) => TE.fromIO(() => void heard.push(`${pattern} ${text}`)))
            .onMessage(pattern, t.string, (text) => TE.right(`${pattern} ${text}`)).endpoints,
        ],
      }),
      empty,
    )
    await serve(service, options)
    const client = caller(options)
    for (const pattern of patterns) {
      expect(await client.send(pattern, 'x', t.string)()).toEqual({ _tag: 'Right', right: `${pattern} x` })
      expect(await client.emit(pattern, 'y')()).toMatchObject({ _tag: 'Right' })
    }
    await until('all are heard', () => heard.length >= patterns.length)
    expect([...heard].sort()).toEqual(patterns.map((pattern) => `${pattern} y`).sort())
  })
})
