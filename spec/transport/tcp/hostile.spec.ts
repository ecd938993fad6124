import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { closeCode, frameType, refusal } from '../../../lib/transport/tcp/frame.js'
import { metaKey } from '../../../lib/transport/tcp/key.js'
import { encodeMeta } from '../../../lib/transport/tcp/meta.js'
import { bytesOf, call, hello, rawClient, welcomed, welcoming, type Frame } from './raw.js'
import { connected, echo, on, outgoing, reply, request, serving, text, until, type TcpDelivery } from './support.js'

const head = (length: number, type: number, flags: number, metaLength: number, id: number): Buffer => {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt32BE(length, 0)
  bytes[4] = type
  bytes[5] = flags
  bytes.writeUInt16BE(metaLength, 6)
  bytes.writeUInt32BE(id, 8)
  return bytes
}
const codeOf = (frame: Frame): number => frame.meta.readUInt16BE(2)
const echoing = [on('message', 'echo'), on('event', 'note')]

describe('a peer that is not welcome yet', () => {
  const { protocol, tooLarge, version } = closeCode
  it.each([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), tooLarge],
    ['a length of 0', head(0, 1, 0, 0, 0), protocol],
    ['a length below the header', head(7, 1, 0, 0, 0), protocol],
    ['a negative length', head(0x8000_0001, 1, 0, 0, 0), tooLarge],
    ['the greatest length', head(0x7fff_ffff, 1, 0, 0, 0), tooLarge],
    ['more than 8 KiB', head(8_189, 1, 0, 0, 0), tooLarge],
    ['metadata longer than its frame', head(20, 1, 0, 13, 0), protocol],
    ['a request first', call(1), protocol],
    ['a ping first', bytesOf(frameType.ping, 0, [], 'short'), protocol],
    ['bad magic', bytesOf(frameType.hello, 0, [], 'MSG2\u0001\u0001'), protocol],
    ['a short hello', bytesOf(frameType.hello, 0, [], 'MSG1'), protocol],
    ['an id on its hello', bytesOf(frameType.hello, 1, [], 'MSG1\u0001\u0001'), protocol],
    ['unknown critical metadata', bytesOf(frameType.hello, 0, [[63, 'x']], 'MSG1\u0001\u0001'), protocol],
    ['a version of the future', hello(undefined, 2_000_000, [2, 9]), version],
    ['a limit too small to answer in', hello(undefined, 100), protocol],
    ['a frame type of the server', bytesOf(frameType.welcome, 0), protocol],
    ['an unknown type', bytesOf(0x7f, 0), protocol],
  ])('is sent away with a reason for %s', async (_what, bytes, code) => {
    const { port } = await serving(echoing, echo)
    const raw = await rawClient(port)
    raw.send(bytes)
    expect((await raw.goaway()).code).toBe(code)
    await until(raw.closed)
  })

  it('is heard out one byte at a time', async () => {
    const { port } = await serving(echoing, echo)
    const raw = await rawClient(port)
    for (const byte of Buffer.concat([hello()])) {
      raw.send(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    await raw.got(frameType.welcome)
    for (const byte of call(1, 'echo', 'slow')) {
      raw.send(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    expect((await raw.got(frameType.reply)).body.toString()).toBe('slow')
  })

  it('has so long for its hello and no longer, byte by byte or silent', async () => {
    const { port } = await serving(echoing, echo, { limits: { helloTimeout: 80 } })
    const silent = await rawClient(port)
    const slow = await rawClient(port)
    const drip = setInterval(() => void slow.socket.write('\0'), 10)
    expect((await silent.goaway()).code).toBe(closeCode.helloTimeout)
    expect((await slow.goaway()).code).toBe(closeCode.helloTimeout)
    clearInterval(drip)
    await until(() => silent.closed() && slow.closed())
  })
})

describe('a peer that is welcome', () => {
  const { protocol, tooLarge, flood } = closeCode
  it.each([
    ['a second hello', hello(), protocol],
    ['a frame above the limit', head(1_048_576 + 16_384 + 9, frameType.request, 0, 0, 1), tooLarge],
    ['fragments', bytesOf(frameType.request, 1, [[1, 'echo']], '', 2), protocol],
    ['compression', bytesOf(frameType.request, 1, [[1, 'echo']], '', 1), protocol],
    ['a request without a pattern', bytesOf(frameType.request, 1), protocol],
    ['an event that wants no answer', bytesOf(frameType.event, 1, [[1, 'note']], '', 0), protocol],
    ['an id of 0', call(0), protocol],
    ['an id with the first bit set', call(0x8000_0000), protocol],
    ['an id twice', Buffer.concat([call(1), call(1)]), protocol],
    [
      'metadata twice',
      bytesOf(frameType.request, 1, [
        [1, 'a'],
        [1, 'b'],
      ]),
      protocol,
    ],
    ['metadata that does not end', bytesOf(frameType.request, 1, Buffer.from([1, 9, 65])), protocol],
    ['a length of metadata without an end', bytesOf(frameType.request, 1, Buffer.from([1, 255, 255, 255])), protocol],
    ['too much metadata', head(20_000, frameType.request, 0, 16_385, 1), protocol],
    [
      'a time limit of 3 bytes',
      bytesOf(frameType.request, 1, [
        [1, 'a'],
        [2, 'abc'],
      ]),
      protocol,
    ],
    ['a pattern of 256 bytes', bytesOf(frameType.request, 1, [[1, 'a'.repeat(256)]]), protocol],
    [
      'unknown critical metadata',
      bytesOf(frameType.request, 1, [
        [1, 'a'],
        [40, 'x'],
      ]),
      protocol,
    ],
    ['a cancel with a body', bytesOf(frameType.cancel, 1, [], 'x'), protocol],
    ['a flood of pings', Buffer.concat(Array<Buffer>(12).fill(bytesOf(frameType.ping, 0, [], '12345678'))), flood],
    ['a ping of 7 bytes', bytesOf(frameType.ping, 0, [], '1234567'), protocol],
    ['dynamic credit', bytesOf(0x33, 0, [], '\0\0\0\u0001'), protocol],
  ])('is sent away with a reason for %s', async (_what, bytes, code) => {
    const { port } = await serving(echoing, echo)
    const raw = await welcomed(port)
    raw.send(bytes)
    expect((await raw.goaway()).code).toBe(code)
    await until(raw.closed)
  })

  it('is told what was accepted before its mistake', async () => {
    const { port } = await serving(echoing, () => undefined)
    const raw = await welcomed(port)
    raw.send(call(3), call(7), call(7))
    expect(await raw.goaway()).toMatchObject({ code: protocol, lastAccepted: 7 })
  })

  it('may send metadata that we do not know, if it says that it may be ignored', async () => {
    const { port } = await serving(echoing, echo)
    const raw = await welcomed(port)
    raw.send(
      bytesOf(
        frameType.request,
        1,
        [
          [1, 'echo'],
          [100, 'new'],
          [200, 'newer'],
          [200, 'twice'],
        ],
        'x',
      ),
    )
    expect((await raw.got(frameType.reply)).body.toString()).toBe('x')
  })

  it('keeps a header named __proto__ a header', async () => {
    const seen: Array<TcpDelivery> = []
    const { port } = await serving(echoing, (delivery, settle) => {
      seen.push(delivery)
      settle(reply(''))
    })
    const raw = await welcomed(port)
    const name = Buffer.from('__proto__')
    const header = Buffer.concat([Buffer.from([name.length]), name, Buffer.from('polluted')])
    raw.send(
      bytesOf(frameType.request, 1, [
        [1, 'echo'],
        [metaKey.header, header],
      ]),
    )
    await raw.got(frameType.reply)
    const headers = seen[0]?.context.headers ?? {}
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype)
    expect(Object.entries(headers)).toEqual([['__proto__', 'polluted']])
  })

  it('may have so many messages unanswered and no more', async () => {
    const { port } = await serving(echoing, () => undefined, { limits: { maxInFlight: 3 } })
    const raw = await welcomed(port)
    raw.send(call(1), call(2), call(3), call(4))
    expect(await raw.goaway()).toMatchObject({ code: protocol, lastAccepted: 3 })
  })

  it('holds its place with a request that it cancelled, until the handler is done', async () => {
    const { port } = await serving(echoing, () => undefined, { limits: { maxInFlight: 2 } })
    const raw = await welcomed(port)
    raw.send(call(1), bytesOf(frameType.cancel, 1), call(2), bytesOf(frameType.cancel, 2), call(3))
    expect((await raw.goaway()).code).toBe(protocol)
  })

  it('is sent away for a flood of cancels of nothing', async () => {
    const { port } = await serving(echoing, echo, { limits: { maxInFlight: 4 } })
    const raw = await welcomed(port)
    raw.send(call(1), ...Array<Buffer>(17).fill(bytesOf(frameType.cancel, 1)))
    expect((await raw.goaway()).code).toBe(flood)
  })

  it('must complete a frame in time, whatever it drips', async () => {
    const { port } = await serving(echoing, echo, { limits: { frameTimeout: 60 } })
    const raw = await welcomed(port)
    raw.send(call(1, 'echo', 'x'.repeat(1_000)).subarray(0, 40))
    const drip = setInterval(() => void raw.socket.write('y'), 10)
    expect((await raw.goaway()).code).toBe(closeCode.slow)
    clearInterval(drip)
  })

  it('is refused with EXPIRED when no time is left, and the handler is not run', async () => {
    let runs = 0
    const { port } = await serving(echoing, () => {
      runs += 1
    })
    const raw = await welcomed(port)
    raw.send(call(1, 'echo', '', 0))
    expect(codeOf(await raw.got(frameType.rejected))).toBe(refusal.expired)
    expect(runs).toBe(0)
  })

  it('is refused with OVERLOADED beyond what the server holds, and told when to come again', async () => {
    const { port } = await serving(echoing, () => undefined, { limits: { maxPending: 2 } })
    const raw = await welcomed(port)
    raw.send(call(1), call(2), call(3), call(4, 'note', '', 1_000, frameType.event))
    await raw.got(frameType.rejected, 2)
    const rejected = raw.frames.filter((frame) => frame.type === frameType.rejected)
    expect(rejected.map(({ id }) => id)).toEqual([3, 4])
    expect(rejected[0]?.meta).toEqual(
      encodeMeta([
        [metaKey.code, refusal.overloaded],
        [metaKey.retryAfterMs, 100],
      ]),
    )
  })

  it('is asked whether it lives after a silence, and destroyed when it does not answer', async () => {
    const { port, logged } = await serving(echoing, echo, { limits: { pingInterval: 60, pongTimeout: 60 } })
    const dead = await welcomed(port)
    const alive = await welcomed(port)
    alive.socket.on('data', () => {
      const pings = alive.frames.filter(({ type }) => type === frameType.ping).length
      if (pings > 0) alive.send(bytesOf(frameType.pong, 0, [], '12345678'))
    })
    await until(dead.closed)
    expect(dead.frames.at(-1)?.type).toBe(frameType.ping)
    expect(logged.some((line) => line.includes('silent'))).toBe(true)
    expect(alive.closed()).toBe(false)
  })

  it('is let go after a long time without a call', async () => {
    const { port } = await serving(echoing, echo, { limits: { idleTimeout: 60 } })
    const raw = await welcomed(port)
    expect((await raw.goaway()).code).toBe(closeCode.idle)
  })
})

describe('a peer that reads slowly', () => {
  it('costs the server no more than its send buffer: what is beyond it fails as Overloaded, and it stays connected', async () => {
    const limits = { sendBufferBytes: 2_000_000, stalledTimeout: 60_000, maxInFlight: 1_000 }
    const { port, logged } = await serving(
      echoing,
      (_, settle) => void setTimeout(settle, 200, reply('x'.repeat(1_000_000))),
      { limits },
    )
    const raw = await welcomed(port)
    raw.socket.pause()
    for (let id = 1; id < 50; id++) raw.send(call(id))
    await new Promise((resolve) => void setTimeout(resolve, 500))
    raw.socket.resume()
    const answered = () => raw.frames.filter(({ type }) => type === frameType.reply || type === frameType.failure)
    await until(() => answered().length === 49)
    const failures = answered().filter(({ type }) => type === frameType.failure)
    expect(failures.length).toBeGreaterThan(20)
    expect(failures.every((frame) => codeOf(frame) === 5)).toBe(true)
    expect(failures[0]?.body.toString()).toBe('{"limit":2000000}')
    raw.send(call(50))
    await until(() => answered().length === 50)
    expect(logged).toEqual([])
  })

  it('is sent a single reply that is larger than the buffer', async () => {
    const limits = { sendBufferBytes: 100_000 }
    const { port } = await serving(echoing, echo, { limits })
    const client = await connected({ port })
    expect(text(await request(client, outgoing('echo', 'x'.repeat(500_000))))).toHaveLength(500_000)
  })

  it('stays connected for as long as it takes something, however long the backlog', async () => {
    const { port, logged } = await serving(
      echoing,
      (_, settle) => {
        settle(reply('x'.repeat(1_000_000)))
      },
      { limits: { stalledTimeout: 500 } },
    )
    const raw = await welcomed(port)
    let budget = 0
    raw.socket.on('data', (chunk) => {
      budget -= chunk.length
      if (budget <= 0) raw.socket.pause()
    })
    raw.send(...Array.from({ length: 16 }, (_, i) => call(i + 1)))
    const reading = setInterval(() => {
      budget = 200_000
      raw.socket.resume()
    }, 20)
    await until(() => raw.closed() || raw.frames.filter(({ type }) => type === frameType.reply).length === 16, 15_000)
    clearInterval(reading)
    expect([raw.closed(), logged]).toEqual([false, []])
  })

  it('holds the calls of its client back, and none fails', async () => {
    const { port } = await welcoming((raw, frame) => {
      if (frame.id === 1) {
        raw.socket.pause()
        setTimeout(() => raw.socket.resume(), 300)
      }
      raw.send(bytesOf(frameType.reply, frame.id, [], 'ok'))
    })
    const client = await connected({ port, limits: { sendBufferBytes: 100_000 } })
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => request(client, outgoing('a', 'x'.repeat(900_000)))),
    )
    expect(new Set(answers.map(text))).toEqual(new Set(['ok']))
  })
})

describe('a peer that stops reading', () => {
  it('is no longer read from while it does not read, and is cut off when it is stalled', async () => {
    let handled = 0
    const { port, logged } = await serving(
      echoing,
      (_, settle) => {
        handled += 1
        settle(reply('x'.repeat(100_000)))
      },
      { limits: { stalledTimeout: 300 } },
    )
    const raw = await welcomed(port)
    raw.socket.pause()
    let id = 1
    const more = setInterval(() => {
      for (let i = 0; i < 10; i++) raw.send(call(id++))
    }, 5)
    await until(() => logged.some((line) => line.includes('stopped reading')))
    clearInterval(more)
    expect(handled).toBeLessThan(id - 1)
    expect(handled * 100_000).toBeLessThan(16_777_216)
  })

  it('does not slow down the others', async () => {
    const { port } = await serving(echoing, echo, { limits: { stalledTimeout: 1_000 } })
    const stuck = await welcomed(port)
    stuck.socket.pause()
    for (let id = 1; id <= 200; id++) stuck.send(call(id, 'echo', Buffer.alloc(100_000)))
    const client = await connected({ port })
    const began = performance.now()
    for (let i = 0; i < 50; i++) expect(text(await request(client, outgoing('echo', 'hi')))).toBe('hi')
    expect(performance.now() - began).toBeLessThan(1_000)
  })
})

describe('many sockets', () => {
  it('of one address take only their share', async () => {
    const { port } = await serving(echoing, echo, { limits: { maxConnectionsPerAddress: 2 } })
    const first = await welcomed(port)
    await welcomed(port)
    const third = await rawClient(port)
    expect((await third.goaway()).code).toBe(closeCode.tooManyConnections)
    await until(third.closed)
    first.socket.destroy()
    await until(first.closed)
    await new Promise((resolve) => void setTimeout(resolve, 20))
    await welcomed(port)
  })

  it('beyond the limit of the server are closed', async () => {
    const { port } = await serving(echoing, echo, { limits: { maxConnections: 1 } })
    const first = await welcomed(port)
    const second = await rawClient(port)
    await until(second.closed)
    expect(first.closed()).toBe(false)
  })

  it('that say nothing do not disturb those that do', async () => {
    const { port } = await serving(echoing, echo, { limits: { helloTimeout: 500 } })
    const client = await connected({ port })
    await request(client, outgoing('echo', '1'))
    const silent = Array.from({ length: 300 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => undefined))
    const began = performance.now()
    for (let i = 0; i < 200; i++) expect(text(await request(client, outgoing('echo', 'hi')))).toBe('hi')
    expect(performance.now() - began).toBeLessThan(2_000)
    for (const socket of silent) socket.destroy()
  })
})

describe('a server that has stopped reading', () => {
  it('blames nobody for the frame that it does not read', async () => {
    const { port, logged } = await serving(
      echoing,
      (_, settle) => {
        settle(reply('x'.repeat(1_000_000)))
      },
      { limits: { frameTimeout: 200, stalledTimeout: 60_000 } },
    )
    const raw = await welcomed(port)
    raw.socket.pause()
    const last = call(13, 'echo', 'y'.repeat(900_000))
    raw.send(...Array.from({ length: 12 }, (_, i) => call(i + 1)), last.subarray(0, 1_000))
    await new Promise((resolve) => void setTimeout(resolve, 100))
    raw.send(last.subarray(1_000))
    await new Promise((resolve) => void setTimeout(resolve, 1_500))
    raw.socket.resume()
    await raw.got(frameType.reply, 13)
    expect(logged).toEqual([])
  })
})
