import { describe, expect, it } from 'vitest'
import { abortedBecause } from '../../../lib/core/context.js'
import { realClock, type Clock } from '../../../lib/core/clock.js'
import type { Connection } from '../../../lib/transport/transport.js'
import { bound, connection as connectionOf } from '../../../lib/transport/tcp/connection.js'
import type { TcpContext } from '../../../lib/transport/tcp/context.js'
import { closeCode, frameType } from '../../../lib/transport/tcp/frame.js'
import { encodeGoaway } from '../../../lib/transport/tcp/control.js'
import { settingsOf } from '../../../lib/transport/tcp/options.js'
import { onTestFinished } from 'vitest'
import { bytesOf, rawServer, welcome, welcoming, type Raw } from './raw.js'
import {
  connected,
  echo,
  environment,
  on,
  outgoing,
  publish,
  reply,
  request,
  right,
  serving,
  text,
  until,
  type TcpDeliver,
  type TcpDelivery,
} from './support.js'

const named =
  (name: string): TcpDeliver =>
  (_, settle) => {
    settle(reply(name))
  }
const who = [on('message', 'who')]

/** A port that nobody listens on. */
const nobody = async (): Promise<number> => {
  const server = await rawServer(() => undefined)
  await server.close()
  return server.port
}

const goodbye = (code: number): Buffer =>
  bytesOf(frameType.goaway, 0, [], encodeGoaway({ lastAccepted: 0, code, graceMs: 0, reason: 'later' }))

describe('a client of several endpoints', () => {
  it('gives each of them a share', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map((name) => serving(who, named(name))))
    const client = await connected({ endpoints: servers.map(({ address }) => address) })
    const shares = new Map<string, number>()
    for (let round = 0; round < 30; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => request(client, outgoing('who', ''))))
      for (const answer of answers) shares.set(text(answer), (shares.get(text(answer)) ?? 0) + 1)
    }
    expect([...shares.keys()].sort()).toEqual(['a', 'b', 'c'])
    for (const share of shares.values()) expect(share).toBeGreaterThan(30)
  })

  it('prefers the one that answers sooner', async () => {
    const quick = await serving(who, named('quick'))
    const slow = await serving(who, (_, settle) => {
      setTimeout(() => {
        settle(reply('slow'))
      }, 30)
    })
    const client = await connected({ endpoints: [quick.address, slow.address] })
    right(await client.warm())
    const found: Array<string> = []
    for (let i = 0; i < 100; i++) found.push(text(await request(client, outgoing('who', ''))))
    expect(found.filter((name) => name === 'quick').length).toBeGreaterThan(80)
  })

  it('sends the same ordering key to the same one, and different keys to all', async () => {
    const servers = await Promise.all(['a', 'b', 'c'].map((name) => serving(who, named(name))))
    const client = await connected({ endpoints: servers.map(({ address }) => address) })
    const homes = new Map<string, Set<string>>()
    for (let i = 0; i < 300; i++) {
      const key = `k${String(i % 30)}`
      const answer = await request(client, outgoing('who', '', { key }))
      homes.set(key, (homes.get(key) ?? new Set()).add(text(answer)))
    }
    for (const home of homes.values()) expect(home.size).toBe(1)
    expect(new Set([...homes.values()].flatMap((home) => [...home])).size).toBe(3)
  })

  it('asks the others when one has no handler, and surfaces NoHandler only when none has', async () => {
    const servers = [await serving([on('message', 'a')], named('a')), await serving([on('message', 'b')], named('b'))]
    const client = await connected({ endpoints: servers.map(({ address }) => address) })
    for (let i = 0; i < 10; i++) {
      expect(text(await request(client, outgoing('a', '')))).toBe('a')
      expect(text(await request(client, outgoing('b', '')))).toBe('b')
      expect(await request(client, outgoing('c', ''))).toMatchObject({ error: { _tag: 'NoHandler', pattern: 'c' } })
      expect(await publish(client, outgoing('c', ''))).toMatchObject({ error: { _tag: 'NoHandler', pattern: 'c' } })
    }
  })

  it('does not wait for an endpoint that is down to surface NoHandler', async () => {
    const up = await serving(who, named('up'))
    const client = await connected({ endpoints: [up.address, { host: '127.0.0.1', port: await nobody() }] })
    expect(await request(client, outgoing('c', ''))).toMatchObject({ error: { _tag: 'NoHandler' } })
    expect(text(await request(client, outgoing('who', '')))).toBe('up')
  })
})

describe('calls of one ordering key', () => {
  const goodbye = encodeGoaway({ lastAccepted: 1, code: closeCode.draining, graceMs: 0, reason: '' })

  it.each([
    [
      'drained',
      (raw: Raw) => raw.send(bytesOf(frameType.goaway, 0, [], goodbye), bytesOf(frameType.reply, 1, [], '0')),
    ],
    ['lost', (raw: Raw) => raw.socket.destroy()],
  ])('that wait for credit keep their order when the connection is %s', async (_how, end) => {
    const order: Array<string> = []
    const { port } = await welcoming((raw, frame) => {
      if (frame.type !== frameType.request) return
      order.push(frame.body.toString())
      if (order.length === 1) setTimeout(end, 20, raw)
      else raw.send(bytesOf(frameType.reply, frame.id, [], frame.body))
    }, welcome(1))
    const client = await connected({ port })
    const bodies = Array.from({ length: 20 }, (_, i) => String(i))
    const answers = await Promise.all(bodies.map((body) => request(client, outgoing('a', body, { key: 'k' }))))
    expect(order).toEqual(bodies)
    expect(answers.slice(1).map(text)).toEqual(bodies.slice(1))
  })
})

describe('a client that is not connected', () => {
  it('keeps calls until it is', async () => {
    const port = await nobody()
    const client = await connected({ port })
    const waiting = Promise.all(Array.from({ length: 100 }, (_, i) => request(client, outgoing('echo', String(i)))))
    await new Promise((resolve) => void setTimeout(resolve, 50))
    await serving([on('message', 'echo')], echo, { port })
    expect((await waiting).map(text)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
  })

  it('keeps only so many calls, and only so many bytes of them', async () => {
    const port = await nobody()
    const client = await connected({ port, limits: { maxQueued: 2 } })
    void request(client, outgoing('x', ''))
    const cancel = client.request(outgoing('x', ''), () => undefined)
    const overloaded = { error: { _tag: 'Overloaded', limit: 2 }, processed: 'no', retryAfterMs: undefined }
    expect(await request(client, outgoing('x', ''))).toMatchObject(overloaded)
    cancel()
    let answered = false
    client.request(outgoing('x', ''), () => (answered = true))
    expect(answered).toBe(false)
    const other = await connected({ port, limits: { maxQueuedBytes: 1_000 } })
    expect(await request(other, outgoing('x', 'y'.repeat(1_001)))).toMatchObject({ error: { _tag: 'Overloaded' } })
  })

  it('forgets a call that was cancelled', async () => {
    const port = await nobody()
    const seen: Array<TcpDelivery> = []
    const client = await connected({ port })
    client.request(outgoing('echo', 'gone'), () => {
      throw new Error('answered')
    })()
    const kept = request(client, outgoing('echo', 'kept'))
    await serving(
      [on('message', 'echo')],
      (delivery, settle) => {
        seen.push(delivery)
        echo(delivery, settle)
      },
      { port },
    )
    expect(text(await kept)).toBe('kept')
    expect(seen.length).toBe(1)
  })

  it('sends the time that is left, not the time there was', async () => {
    const port = await nobody()
    const client = await connected({ port })
    const seen: Array<TcpDelivery> = []
    const answer = request(client, outgoing('echo', '', { timeoutMs: 5_000 }))
    await new Promise((resolve) => void setTimeout(resolve, 120))
    await serving(
      [on('message', 'echo')],
      (delivery, settle) => {
        seen.push(delivery)
        echo(delivery, settle)
      },
      { port },
    )
    const before = performance.now()
    await answer
    const deadline = seen[0]?.context.deadline
    expect(deadline?._tag === 'Some' ? deadline.value - before : NaN).toBeLessThan(5_000 - 100 + 50)
  })

  it('reports an unreachable peer after the first attempts when it is warmed', async () => {
    const port = await nobody()
    const client = await connected({ port })
    const message = `cannot reach 127.0.0.1:${String(port)} (ECONNREFUSED)`
    expect(await client.warm()).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed', name: 'tcp', message } })
    await serving([on('message', 'echo')], echo, { port })
    expect(await client.warm()).toMatchObject({ _tag: 'Right' })
  })

  it('gives up an attempt on a server that never says welcome', async () => {
    const { port } = await rawServer(() => undefined)
    const client = await connected({ port, limits: { helloTimeout: 60 } })
    expect(await client.warm()).toMatchObject({ left: { _tag: 'TransportFailed' } })
  })

  it('has nowhere to go without a port', async () => {
    const client = await connected({})
    const message = 'there is nowhere to connect to: set port, or endpoints'
    expect(await request(client, outgoing('x', ''))).toMatchObject({ error: { _tag: 'TransportFailed', message } })
    expect(await client.warm()).toMatchObject({ left: { message } })
  })
})

describe('a client whose connection is lost', () => {
  it('fails what was written as Disconnected, and comes back by itself', async () => {
    const first = await serving([on('message', 'slow')], () => undefined)
    const client = await connected({ port: first.port })
    const answers = Promise.all(Array.from({ length: 10 }, () => request(client, outgoing('slow', ''))))
    await new Promise((resolve) => void setTimeout(resolve, 30))
    await first.connection.close()
    const lost = { error: { _tag: 'Disconnected', maybeProcessed: true }, processed: 'maybe', retryAfterMs: 0 }
    for (const answer of await answers) expect(answer).toMatchObject(lost)
    await serving([on('message', 'slow')], echo, { port: first.port })
    expect(text(await request(client, outgoing('slow', 'again')))).toBe('again')
  })

  it('keeps what was not written yet', async () => {
    let connections = 0
    const { port } = await welcoming((raw, frame) => {
      connections += frame.id === 1 ? 1 : 0
      if (connections === 1) raw.socket.destroy()
      else raw.send(bytesOf(frameType.reply, frame.id, [], 'second'))
    }, welcome(1))
    const client = await connected({ port })
    const [written, queued] = await Promise.all([
      request(client, outgoing('a', '')),
      request(client, outgoing('b', '')),
    ])
    expect(written).toMatchObject({ error: { _tag: 'Disconnected' }, processed: 'maybe' })
    expect(text(queued)).toBe('second')
  })

  it('knows which calls the server had not accepted', async () => {
    let first = true
    const { port } = await welcoming((raw, frame) => {
      if (!first) return raw.send(bytesOf(frameType.reply, frame.id, [], 'ok'))
      if (frame.id < 3) return
      first = false
      const goaway = { lastAccepted: 1, code: closeCode.draining, graceMs: 0, reason: '' }
      raw.send(bytesOf(frameType.goaway, 0, [], encodeGoaway(goaway)), bytesOf(frameType.reply, 1, [], 'done'))
    })
    const client = await connected({ port })
    right(await client.warm())
    const answers = await Promise.all(['1', '2', '3'].map((body) => request(client, outgoing('a', body))))
    expect(answers[0]).toMatchObject({ _tag: 'Reply' })
    const notProcessed = { error: { _tag: 'Disconnected', maybeProcessed: false }, processed: 'no', retryAfterMs: 0 }
    expect(answers.slice(1)).toMatchObject([notProcessed, notProcessed])
    expect(text(await request(client, outgoing('a', '')))).toBe('ok')
  })

  it('notices a half-open connection by its silence', async () => {
    const { port } = await welcoming(() => undefined)
    const client = await connected({ port, limits: { pingInterval: 60, pongTimeout: 60 } })
    const answer = await request(client, outgoing('a', ''))
    expect(answer).toMatchObject({ error: { _tag: 'Disconnected', maybeProcessed: true }, processed: 'maybe' })
  })

  it('does not hammer a server that closes every connection', async () => {
    let connections = 0
    const { port } = await rawServer((raw) => {
      connections += 1
      raw.socket.destroy()
    })
    const client = await connected({ port })
    void request(client, outgoing('a', ''))
    await new Promise((resolve) => void setTimeout(resolve, 1_000))
    expect(connections).toBeGreaterThan(1)
    expect(connections).toBeLessThan(40)
  })

  it.each<readonly [string, (raw: Raw) => void]>([
    ['welcome and goodbye', (raw) => raw.send(welcome(), goodbye(closeCode.draining))],
    ['welcome and that it was not used', (raw) => raw.send(welcome(), goodbye(closeCode.idle))],
    ['that it was not used, without a welcome', (raw) => raw.send(goodbye(closeCode.idle))],
    ['goodbye without a welcome', (raw) => raw.send(goodbye(closeCode.draining))],
  ])('does not hammer a server that says %s', async (_what, answer) => {
    let connections = 0
    const { port } = await rawServer((raw) => {
      connections += 1
      raw.socket.once('data', () => {
        answer(raw)
      })
    })
    const client = await connected({ port })
    const again = setInterval(() => void request(client, outgoing('a', '')), 10)
    await new Promise((resolve) => void setTimeout(resolve, 1_000))
    clearInterval(again)
    expect(connections).toBeGreaterThan(1)
    expect(connections).toBeLessThan(40)
  })

  it('is dialled again after 3 s at most, however often that has failed', async () => {
    let dialled = 0
    const { port } = await rawServer((raw) => {
      dialled += 1
      raw.socket.destroy()
    })
    let longest = 0
    const after: Clock['after'] = (ms, run, idle) => {
      longest = Math.max(longest, ms)
      return realClock.after(Math.min(ms, 1), run, idle)
    }
    const client = await connected({ port }, { clock: { ...realClock, after }, random: () => 0.999 })
    void request(client, outgoing('echo', 'x'))
    await until(() => dialled > 20)
    expect(longest).toBeGreaterThan(2_900)
    expect(longest).toBeLessThan(3_000)
  })

  it.each([
    ['draining', closeCode.draining],
    ['idle', closeCode.idle],
  ])('tells warm that a server is %s and does not say welcome', async (_what, code) => {
    const { port } = await rawServer((raw) => void raw.socket.once('data', () => raw.send(goodbye(code))))
    const client = await connected({ port })
    expect(await client.warm()).toMatchObject({ left: { message: expect.stringContaining('(later)') as unknown } })
  })

  it('comes back at once after a goodbye because it was not used for a while', async () => {
    const { port } = await serving([on('message', 'echo')], echo, { limits: { idleTimeout: 1_200 } })
    // n.b. the longest jitter: the third attempt in a row would wait 400 ms
    const client = await connected({ port }, { random: () => 0.999 })
    let most = 0
    for (let i = 0; i < 3; i++) {
      const began = performance.now()
      expect(text(await request(client, outgoing('echo', 'x')))).toBe('x')
      most = Math.max(most, performance.now() - began)
      await new Promise((resolve) => void setTimeout(resolve, 1_700))
    }
    expect(most).toBeLessThan(350)
  }, 20_000)
})

describe('a call', () => {
  it('that is cancelled aborts the context of its handler, and its late reply reaches nobody', async () => {
    const seen: Array<TcpDelivery> = []
    let late: (() => void) | undefined
    const { port } = await serving([on('message', 'slow'), on('message', 'echo')], (delivery, settle) => {
      if (delivery.subscription === 1) return echo(delivery, settle)
      seen.push(delivery)
      late = () => {
        settle(reply('late'))
      }
      return undefined
    })
    const client = await connected({ port })
    const cancel = client.request(outgoing('slow', ''), () => {
      throw new Error('answered')
    })
    await until(() => seen.length === 1)
    cancel()
    cancel()
    await until(() => seen.every(({ context }) => abortedBecause(context) === 'cancelled'), 100)
    late?.()
    expect(text(await request(client, outgoing('echo', 'next')))).toBe('next')
  })

  it('waits for credit, in order, and is never more than the server takes', async () => {
    let running = 0
    let most = 0
    const order: Array<string> = []
    const { port } = await serving(
      [on('message', 'echo')],
      (delivery, settle) => {
        running += 1
        most = Math.max(most, running)
        order.push(Buffer.from(delivery.body).toString())
        setImmediate(() => {
          running -= 1
          echo(delivery, settle)
        })
      },
      { limits: { maxInFlight: 4 } },
    )
    const client = await connected({ port })
    const bodies = Array.from({ length: 200 }, (_, i) => String(i))
    const answers = await Promise.all(bodies.map((body) => request(client, outgoing('echo', body))))
    expect(answers.map(text)).toEqual(bodies)
    expect(order).toEqual(bodies)
    expect(most).toBe(4)
  })

  it('keeps its credit taken after it was cancelled, so that the server is never exceeded', async () => {
    let late: Array<() => void> = []
    const { port, logged } = await serving(
      [on('message', 'slow')],
      (_, settle) => {
        late.push(() => {
          settle(reply('x'))
        })
      },
      { limits: { maxInFlight: 2 } },
    )
    const client = await connected({ port })
    right(await client.warm())
    for (let i = 0; i < 2; i++) client.request(outgoing('slow', ''), () => undefined)()
    const third = request(client, outgoing('slow', ''))
    await until(() => late.length === 2)
    await new Promise((resolve) => void setTimeout(resolve, 30))
    expect(late.length).toBe(2)
    for (const run of late) run()
    late = []
    await until(() => late.length === 1)
    late[0]?.()
    expect(text(await third)).toBe('x')
    expect(logged).toEqual([])
  })

  it('larger than the limit fails before anything is sent', async () => {
    const { port } = await serving([on('message', 'echo')], echo, { limits: { maxFrameBytes: 50_000 } })
    const tooLarge = (limitBytes: number) => ({ error: { _tag: 'MessageTooLarge', limitBytes }, processed: 'no' })
    const client = await connected({ port, limits: { maxFrameBytes: 100_000 } })
    expect(await request(client, outgoing('echo', 'é'.repeat(50_001)))).toMatchObject(tooLarge(100_000))
    expect(await request(client, outgoing('echo', 'x'.repeat(50_001)))).toMatchObject(tooLarge(50_000))
    expect(await request(client, outgoing('echo', Buffer.alloc(50_001)))).toMatchObject(tooLarge(50_000))
    expect(text(await request(client, outgoing('echo', 'x'.repeat(50_000))))).toHaveLength(50_000)
  })

  it('fails as MessageTooLarge when its reply is larger than the caller takes', async () => {
    const { port } = await serving([on('message', 'big')], (_, settle) => {
      settle(reply('x'.repeat(200_000)))
    })
    const client = await connected({ port, limits: { maxFrameBytes: 100_000 } })
    const answer = await request(client, outgoing('big', ''))
    expect(answer).toMatchObject({ error: { _tag: 'MessageTooLarge' }, processed: 'yes' })
  })

  it.each([
    ['key', { key: 'k'.repeat(1_025) }],
    ['messageId', { messageId: 'm'.repeat(256) }],
    ['headers', { headers: { a: 'h'.repeat(17_000) } }],
  ])('with a %s that does not fit fails before anything is sent', async (path, more) => {
    const { port } = await serving([on('message', 'echo')], echo)
    const client = await connected({ port })
    const answer = await request(client, outgoing('echo', '', more))
    expect(answer).toMatchObject({ error: { _tag: 'InvalidPayload', issues: [{ path }] }, processed: 'no' })
  })

  it('ignores replies that are doubled, forged or late', async () => {
    const { port } = await welcoming((raw, frame) => {
      const answer = bytesOf(frameType.reply, frame.id, [], frame.body)
      raw.send(bytesOf(frameType.reply, 77, [], 'forged'), answer, answer, bytesOf(frameType.reply, 0x7fff_ffff))
    })
    const client = await connected({ port })
    for (let i = 0; i < 20; i++) expect(text(await request(client, outgoing('a', String(i))))).toBe(String(i))
  })

  it.each<readonly [string, (raw: Raw, id: number) => void]>([
    ['an event acknowledgement', (raw, id) => raw.send(bytesOf(frameType.eventAck, id))],
    ['malformed metadata', (raw, id) => raw.send(bytesOf(frameType.reply, id, Buffer.from([64, 5, 1])))],
    ['an unknown frame', (raw) => raw.send(bytesOf(0x55, 1))],
    ['a huge frame', (raw) => raw.send(Buffer.from('7fffffff2000000000000001', 'hex'))],
  ])('of a server that answers with %s fails, and the connection is given up', async (_what, answer) => {
    let raws: ReadonlyArray<Raw> = []
    const { port } = await welcoming((raw, frame) => {
      if (frame.type !== frameType.request) return
      raws = [...raws, raw]
      answer(raw, frame.id)
    })
    const client = await connected({ port })
    expect(await request(client, outgoing('a', ''))).toMatchObject({ error: { _tag: 'Disconnected' } })
    expect(await raws[0]?.goaway()).toMatchObject({ lastAccepted: 0 })
  })
})

describe('a connection', () => {
  it('is replaced before its ids end, without losing a call', async () => {
    let connections = 0
    const { port } = await rawServer((raw) => {
      connections += 1
      let seen = 0
      raw.socket.on('data', () => {
        for (const frame of raw.frames.slice(seen)) {
          seen += 1
          if (frame.type === frameType.hello) raw.send(welcome())
          else if (frame.type === frameType.request) {
            expect(frame.id).toBeLessThanOrEqual(100)
            raw.send(bytesOf(frameType.reply, frame.id, [], frame.body))
          }
        }
      })
    })
    const { settings } = settingsOf({ port })
    const client: Connection<TcpContext<string>> = connectionOf(settings, environment(), bound(), 100)
    onTestFinished(() => client.close())
    for (let round = 0; round < 4; round++) {
      const bodies = Array.from({ length: 99 }, (_, i) => String(i))
      const answers = await Promise.all(bodies.map((body) => request(client, outgoing('a', body))))
      expect(answers.map(text)).toEqual(bodies)
    }
    expect(connections).toBeGreaterThanOrEqual(4)
  })
})
