/** What one tick does at once: fewer commands, and each event ends as it would alone. */
import type { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { noHeaders } from '../../../lib/core/envelope.js'
import { withBroker } from '../../brokers/suite.js'
import { asked, connected, on, outgoing, pause, pendingOf, place, published, replica, until } from './support.js'

/** The commands that Redis gets from its clients which name a key, and where each came from. n.b. the driver stumbles over what comes while it begins to listen. */
const heard = async (
  plain: Redis,
  key: string,
  from: Array<string> = [],
): Promise<ReadonlyArray<ReadonlyArray<string>>> => {
  const all: Array<ReadonlyArray<string>> = []
  const monitor = await plain.duplicate().monitor()
  onTestFinished(() => {
    monitor.disconnect()
  })
  monitor.on('monitor', (_: unknown, args: ReadonlyArray<string>, source: string) => {
    if (source === 'lua' || !args.includes(key)) return
    all.push(args)
    from.push(source)
  })
  return all
}
const count = (all: ReadonlyArray<ReadonlyArray<string>>, command: string): number =>
  all.filter(([name]) => name?.toLowerCase() === command).length

const accepted = { _tag: 'Accepted' }

await withBroker('redis', (url) => {
  describe('emits of one tick', () => {
    test('are one command for each stream, and keep their order', async () => {
      const { plain, prefix, options } = place(url)
      const sender = await connected(options)
      expect(await published(sender, outgoing('a', '0'))).toEqual(accepted)
      const commands = await heard(plain, `${prefix}a`)
      const all = Array.from({ length: 20 }, (_, n) =>
        published(
          sender,
          outgoing(n % 2 === 0 ? 'a' : 'b', String(n), { headers: n === 4 ? { own: '4' } : noHeaders }),
        ),
      )
      for (const answer of await Promise.all(all)) expect(answer).toEqual(accepted)
      await until('it is heard', () => commands.length > 0)
      expect(count(commands, 'evalsha')).toBe(1)
      const bodies = async (name: string) => (await plain.xrange(prefix + name, '-', '+')).map(([, flat]) => flat[1])
      expect(await bodies('a')).toEqual(['0', ...Array.from({ length: 10 }, (_, n) => String(2 * n))])
      expect(await bodies('b')).toEqual(Array.from({ length: 10 }, (_, n) => String(2 * n + 1)))
    })

    test('have each what is its own: id, headers, bytes, and whether somebody has to listen', async () => {
      const { got, connection } = await replica(place(url).options, [on('event', 'a')])
      const all = [
        published(connection, outgoing('a', 'text', { messageId: 'm-1', key: 'k' })),
        published(connection, { ...outgoing('a', ''), body: new Uint8Array([0, 255]), headers: { body: 'b' } }),
        published(connection, outgoing('a', 'last', { messageId: 'm-3', mandatory: true, contentType: 'text/plain' })),
        published(connection, outgoing('nobody', '', { mandatory: true })),
        published(connection, outgoing('nobody', 'kept')),
      ]
      const [, , , unheard, kept] = await Promise.all(all)
      expect(unheard).toMatchObject({ _tag: 'Failing', error: { _tag: 'NoHandler', pattern: 'nobody' } })
      expect(kept).toEqual(accepted)
      await until('they arrive', () => got.length === 3)
      expect(got.map(({ body }) => [...body])).toEqual([[...Buffer.from('text')], [0, 255], [...Buffer.from('last')]])
      expect(got.map(({ key }) => key)).toEqual(['k', undefined, undefined])
      expect(got[0]?.context.messageId).toBe('m-1')
      expect(got[1]?.context.headers).toEqual({ body: 'b' })
      expect(got[2]?.context.messageId).toBe('m-3')
    })

    test('fill a stream up to its bound, and the others are Overloaded', async () => {
      const { plain, prefix, options } = place(url, { maxLength: 5 })
      const { connection } = await replica(options, [on('event', 'a', { window: 1 })])
      const all = await Promise.all(
        Array.from({ length: 8 }, (_, n) => published(connection, outgoing('a', String(n)))),
      )
      expect(all.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => accepted))
      for (const answer of all.slice(5))
        expect(answer).toMatchObject({ error: { _tag: 'Overloaded', limit: 5 }, processed: 'no' })
      expect(await plain.xlen(`${prefix}a`)).toBe(5)
    })

    test('are not written where they are cancelled in it', async () => {
      const { plain, prefix, options } = place(url)
      const sender = await connected(options)
      expect(await published(sender, outgoing('a', '0'))).toEqual(accepted)
      expect(sender.publish(outgoing('a', '1'), () => undefined)()).toBe('no')
      const cancel = sender.publish(outgoing('a', '2'), () => undefined)
      expect(await published(sender, outgoing('a', '3'))).toEqual(accepted)
      expect(cancel()).toBe('maybe')
      expect((await plain.xrange(`${prefix}a`, '-', '+')).map(([, flat]) => flat[1])).toEqual(['0', '2', '3'])
    })

    test('end all with what Redis says of their stream', async () => {
      const { plain, prefix, options } = place(url)
      const sender = await connected(options)
      await plain.set(`${prefix}a`, 'something else')
      const all = [0, 1, 2].map((n) => published(sender, outgoing('a', String(n))))
      for (const answer of await Promise.all(all))
        expect(answer).toMatchObject({ _tag: 'Failing', error: { _tag: 'TransportFailed' }, processed: 'no' })
    })
  })

  describe('events settled in one tick', () => {
    test('are acknowledged with one command, and never with one that is not settled', async () => {
      const { plain, prefix, options } = place(url)
      const stream = `${prefix}a`
      const commands = await heard(plain, stream)
      const { connection, got } = await replica(options, [on('event', 'a')])
      await Promise.all(Array.from({ length: 20 }, (_, n) => published(connection, outgoing('a', String(n)))))
      await until('they arrive', () => got.length === 20)
      const before = commands.length
      for (const [n, one] of got.entries()) if (n !== 3 && n !== 11) one.settle({ _tag: 'Ack' })
      const pending = async () =>
        ((await plain.xpending(stream, 'spec', '-', '+', 100)) as Array<[string]>).map(([id]) => id)
      await until('they are acknowledged', async () => (await pending()).length === 2)
      expect(await pending()).toEqual([got[3]?.context.entryId, got[11]?.context.entryId])
      expect(count(commands.slice(before), 'xack')).toBe(1)
      await pause(50)
      expect((await pending()).length).toBe(2)
      got[3]?.settle({ _tag: 'Ack' })
      got[11]?.settle({ _tag: 'Ack' })
      await until('the others are too', async () => (await pending()).length === 0)
    })
  })

  describe('events settled before the next read', () => {
    test('are acknowledged ahead of it, in the connection that reads', async () => {
      const { plain, prefix, options } = place(url)
      const from: Array<string> = []
      const commands = await heard(plain, `${prefix}a`, from)
      const { connection, got } = await replica(options, [on('event', 'a', { concurrency: 2, window: 2 })])
      await Promise.all(Array.from({ length: 4 }, (_, n) => published(connection, outgoing('a', String(n)))))
      await until('what there is room for arrives', () => got.length === 2)
      for (const one of got.slice(0, 2)) one.settle({ _tag: 'Ack' })
      await until('the others arrive', () => got.length === 4)
      const names = commands.map(([name]) => name?.toLowerCase())
      const at = names.indexOf('xack')
      expect(commands[at]).toHaveLength(5)
      expect(names[at + 1]).toBe('xreadgroup')
      expect(from[at + 1]).toBe(from[at])
    })

    test('are acknowledged by the other connection where that one is lost', async () => {
      const { plain, prefix, options } = place(url)
      const { connection, got } = await replica(options, [on('event', 'a', { concurrency: 2, window: 2 })])
      const reading = async () =>
        String(await plain.client('LIST'))
          .split('\n')
          .filter((line) => line.includes('cmd=xreadgroup'))
          .map((line) => /\bid=(\d+)/.exec(line)?.[1] ?? '')
      await Promise.all(Array.from({ length: 2 }, (_, n) => published(connection, outgoing('a', String(n)))))
      await until('they arrive', () => got.length === 2)
      const ids = await reading()
      for (const one of got) one.settle({ _tag: 'Ack' })
      for (const id of ids) await plain.client('KILL', 'ID', id).catch(() => 0)
      await until('they are acknowledged', async () => (await pendingOf(plain, `${prefix}a`, 'spec')).length === 0)
      await pause(200)
      expect(got).toHaveLength(2)
    })
  })

  describe('replies of one tick', () => {
    test('go to a caller in one message, each to its own call', async () => {
      const { plain, prefix, options } = place(url)
      const commands = await heard(plain, `${prefix}replies:ef56--many`)
      const { connection, got } = await replica(options, [on('message', 'ask')], { instance: 'ef56' })
      const answers = Array.from({ length: 10 }, (_, n) => asked(connection, outgoing('ask', String(n))))
      await until('they arrive', () => got.length === 10)
      for (const [n, one] of got.entries()) {
        const body = n === 4 ? new Uint8Array([0, 10, 255]) : n === 5 ? '' : `"ü${String(n)}"`
        one.settle({ _tag: 'Reply', status: n === 3 ? 'error' : 'ok', body })
      }
      const all = (await Promise.all(answers)).map((answer) => (answer._tag === 'Reply' ? answer : undefined))
      expect(all.map((answer) => answer?.status)).toEqual(all.map((_, n) => (n === 3 ? 'error' : 'ok')))
      expect(all.map((answer) => Buffer.from(answer?.body ?? '').toString('latin1'))).toEqual(
        all.map((_, n) =>
          n === 4 ? '\u0000\n\u00ff' : n === 5 ? '' : Buffer.from(`"ü${String(n)}"`).toString('latin1'),
        ),
      )
      expect(count(commands, 'publish')).toBe(1)
    })

    test('go one by one to whoever does not say that it takes several', async () => {
      const { plain, prefix, options } = place(url)
      const { got } = await replica(options, [on('message', 'ask')])
      const listener = plain.duplicate()
      onTestFinished(() => {
        listener.disconnect()
      })
      const messages: Array<string> = []
      listener.on('message', (_, message: string) => messages.push(message))
      await listener.subscribe(`${prefix}replies:me`)
      const ask = (call: string) =>
        plain.xadd(`{${prefix}ask}:requests`, '*', ...['body', call, 'taskwire-request', `${call} ${prefix}replies:me`])
      await ask('1')
      await ask('2')
      await until('they arrive', () => got.length === 2)
      for (const one of got) one.settle({ _tag: 'Reply', status: 'ok', body: '7' })
      await until('they are answered', () => messages.length === 2)
      expect(messages).toEqual(['1', '2'].map((call) => `${call} ok\n7`))
    })
  })
})
