import * as O from 'fp-ts/lib/Option.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeGoaway,
  decodeHello,
  decodeWelcome,
  encodeGoaway,
  encodeHello,
  encodeWelcome,
} from '../../../lib/transport/tcp/control.js'
import { channel } from '../../../lib/transport/tcp/channel.js'
import { closeCode, frameType, type CloseCode } from '../../../lib/transport/tcp/frame.js'
import { defaultLimits } from '../../../lib/transport/tcp/limits.js'
import { metaKey } from '../../../lib/transport/tcp/key.js'
import { decodeMeta, encodeMeta, headerEntry, type Entry } from '../../../lib/transport/tcp/meta.js'
import { moreMeta, patternEntries } from '../../../lib/transport/tcp/outgoing.js'
import { parser } from '../../../lib/transport/tcp/parser.js'
import { routing } from '../../../lib/transport/tcp/route.js'
import { slabs, writer, type Wire } from '../../../lib/transport/tcp/writer.js'
import { bytesOf, call } from './raw.js'
import { on, outgoing, silentWire } from './support.js'

const text = (max: number) => fc.string({ unit: 'binary', maxLength: max }).filter((one) => !/\p{Surrogate}/u.test(one))

/** Everything the parser tells, as lines. */
const parsed = (pieces: ReadonlyArray<Buffer>, limit = 100_000): ReadonlyArray<string> => {
  const told: Array<string> = []
  const input = parser(
    'server',
    () => limit,
    (type, flags, id, bytes, meta, body, end) =>
      void told.push([type, flags, id, bytes.toString('hex', meta, body), bytes.toString('hex', body, end)].join(' ')),
    (code, reason) => void told.push(`${String(code)} ${reason}`),
    () => undefined,
  )
  for (const piece of pieces) input.push(piece)
  return told
}

const cut = (bytes: Buffer, sizes: ReadonlyArray<number>): ReadonlyArray<Buffer> => {
  const pieces: Array<Buffer> = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % Math.max(1, sizes.length)] ?? 1)
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return pieces
}

describe('the parser', () => {
  const frame = fc
    .tuple(fc.integer({ min: 1, max: 0x7fff_ffff }), fc.string({ maxLength: 40 }), fc.uint8Array({ maxLength: 3_000 }))
    .map(([id, pattern, body]) => call(id, pattern, body))

  it('says the same of bytes in any pieces as of all of them at once', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(50)), (frames, sizes) => {
        const bytes = Buffer.concat(frames)
        const whole = parsed([bytes])
        expect(whole.length).toBe(frames.length)
        expect(parsed(cut(bytes, sizes))).toEqual(whole)
      }),
    )
  })

  it('says the same of wrong bytes in any pieces, and nothing after the first mistake', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 3 }), fc.uint8Array({ minLength: 1, maxLength: 60 }), (frames, junk) => {
        const bytes = Buffer.concat([...frames, junk])
        const whole = parsed([bytes], 5_000)
        expect(parsed(cut(bytes, [1]), 5_000)).toEqual(whole)
        const mistakes = whole.filter((line) => !/^\d+ \d+ \d+ /.test(line))
        expect(mistakes.length).toBeLessThanOrEqual(1)
        if (mistakes.length > 0) expect(whole.at(-1)).toBe(mistakes[0])
      }),
    )
  })

  const inParts = () => {
    const told: Array<number> = []
    const due: Array<() => void> = []
    const input = parser(
      'server',
      () => 100_000,
      (_type, _flags, id) => void told.push(id),
      () => undefined,
      () => undefined,
      () => true,
      (run) => void due.push(run),
    )
    return { input, told, next: () => due.shift()?.() }
  }
  const calls = (from: number, count: number): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, i) => call(from + i, 'a', Buffer.from('b'))))
  const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i + 1)

  it('takes a read 32 frames at a time where it may, so that what they set off runs in between', () => {
    const { input, told, next } = inParts()
    input.push(calls(1, 70))
    expect(told).toEqual(upTo(32))
    next()
    expect(told).toEqual(upTo(64))
    next()
    expect(told).toEqual(upTo(70))
    next()
    expect(told).toEqual(upTo(70))
  })

  it('takes the rest of a read before the next one, and at once when asked', () => {
    const { input, told, next } = inParts()
    const bytes = calls(1, 150)
    const middle = Math.floor((bytes.length * 2) / 3)
    input.push(bytes.subarray(0, middle))
    expect(told).toEqual(upTo(32))
    input.push(bytes.subarray(middle))
    expect(told).toEqual(upTo(told.length))
    expect(told.length).toBeGreaterThan(100)
    input.rest()
    expect(told).toEqual(upTo(150))
    next()
    expect(told).toEqual(upTo(150))
  })

  it('takes nothing more of a read once it is stopped', () => {
    const { input, told, next } = inParts()
    input.push(calls(1, 70))
    input.stop()
    next()
    input.rest()
    expect(told).toEqual(upTo(32))
  })

  it('gives no room to a frame before its bytes are there', () => {
    let told = 0
    const input = parser(
      'server',
      () => 1_000_000,
      () => (told += 1),
      () => undefined,
      () => undefined,
    )
    const before = process.memoryUsage().arrayBuffers
    const inputs = Array.from({ length: 500 }, () =>
      parser(
        'server',
        () => 1_000_000,
        () => undefined,
        () => undefined,
        () => undefined,
      ),
    )
    const head = call(1, 'a', Buffer.alloc(900_000)).subarray(0, 20)
    for (const one of [input, ...inputs]) one.push(head)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000)
    expect([told, input.waiting()]).toEqual([0, 900_000 + 12 + 3 + 6])
  })
})

describe('a connection', () => {
  it('takes all that was read before it was gone', () => {
    const nothing = (): void => undefined
    const told: Array<number> = []
    const one = channel({
      side: 'client',
      wire: silentWire,
      slabs: slabs(),
      limits: defaultLimits,
      time: () => 0,
      lastAccepted: () => 0,
      frame: (_type, _flags, id) => void told.push(id),
      claim: () => true,
      goneAway: nothing,
      ended: nothing,
      writable: nothing,
    })
    one.receive(Buffer.concat(Array.from({ length: 100 }, (_, i) => bytesOf(frameType.reply, i + 1))))
    expect(told.length).toBe(32)
    one.gone()
    expect(told.length).toBe(100)
  })
})

describe('metadata', () => {
  const texts = [metaKey.messageId, metaKey.orderingKey, metaKey.correlationId, metaKey.causationId, metaKey.time]
  const entry = fc.oneof(
    fc.tuple(fc.constantFrom(...texts), text(15)),
    fc.tuple(fc.constantFrom(metaKey.timeoutMs, metaKey.retryAfterMs), fc.integer({ min: 0, max: 0xffff_ffff })),
    fc.tuple(fc.constant(metaKey.code), fc.integer({ min: 0, max: 0xffff })),
  )
  const entries = fc.uniqueArray(entry, { selector: ([key]) => key })

  it('comes back as it was, texts and numbers', () => {
    fc.assert(
      fc.property(entries, (given) => {
        const bytes = encodeMeta(given)
        const found = decodeMeta(bytes, 0, bytes.length)
        if (typeof found === 'string') throw new Error(found)
        for (const [key, value] of given)
          expect(typeof value === 'string' ? found.text(key) : found.number(key)).toBe(value)
      }),
    )
  })

  it('keeps headers: case, Unicode, order of nothing, and no prototype', () => {
    const headers = fc.dictionary(
      fc.oneof(text(40), fc.constantFrom('__proto__', 'X-a', 'x-A', 'constructor')),
      text(300),
      {
        maxKeys: 20,
        noNullPrototype: true,
      },
    )
    fc.assert(
      fc.property(headers, (given) => {
        const all = Object.entries(given).filter(([name]) => name !== '' && Buffer.byteLength(name) < 256)
        const bytes = encodeMeta(all.map(([name, value]) => headerEntry(name, value)))
        const found = decodeMeta(bytes, 0, bytes.length)
        if (typeof found === 'string') return expect(found).toBe('too many headers')
        expect(Object.entries(found.headers).sort()).toEqual(all.sort())
        expect(Object.getPrototypeOf(found.headers)).toBe(Object.prototype)
      }),
    )
  })

  it.each([
    ['a header without a name', encodeMeta([[metaKey.header, Buffer.from('\0value')]]), 'a malformed header'],
    ['a header name that does not end', encodeMeta([[metaKey.header, Buffer.from([50, 65])]]), 'a malformed header'],
    ['the same header twice', encodeMeta([headerEntry('a', '1'), headerEntry('a', '2')]), 'a header twice'],
    [
      '65 headers',
      encodeMeta(Array.from({ length: 65 }, (_, i) => headerEntry(`h${String(i)}`, ''))),
      'too many headers',
    ],
    ['9 KiB of headers', encodeMeta([headerEntry('h', 'x'.repeat(9_000))]), 'too many headers'],
    ['an unknown critical key', encodeMeta([[10, 'x']]), 'unknown metadata 10'],
  ])('of %s is malformed', (_what, bytes, reason) => {
    expect(decodeMeta(bytes, 0, bytes.length)).toBe(reason)
  })

  it('of a message comes back from what is sent, and tracing headers under keys of their own', () => {
    const some = (max: number) => fc.option(text(max), { nil: undefined })
    const headers = fc.record(
      { traceparent: text(80), tracestate: text(900), baggage: text(900), 'X-Other': text(90) },
      { requiredKeys: [] },
    )
    const of = fc.record({ messageId: some(60), correlationId: some(60), key: some(200), headers })
    const route = routing([on('message', 'a.b')])
    fc.assert(
      fc.property(of, fc.integer({ min: 0, max: 0xffff_ffff }), (given, timeoutMs) => {
        const message = outgoing('a.b', '', { ...given, headers: { ...given.headers } })
        const more = moreMeta(message) ?? Buffer.alloc(0)
        const bytes = Buffer.concat([patternEntries()('a.b'), encodeMeta([[metaKey.timeoutMs, timeoutMs]]), more])
        const found = route(bytes, 0, bytes.length)
        if (typeof found === 'string') throw new Error(found)
        expect(found.route).toMatchObject({ pattern: 'a.b', message: 0, events: [] })
        expect(found.timeoutMs).toBe(timeoutMs)
        expect(found.meta?.text(metaKey.messageId)).toBe(given.messageId)
        expect(found.meta?.text(metaKey.correlationId)).toBe(given.correlationId)
        expect(found.meta?.text(metaKey.orderingKey)).toBe(given.key)
        expect(found.meta?.headers ?? {}).toEqual(message.headers)
        expect(found.meta?.text(metaKey.traceparent)).toBe(
          (given.headers.traceparent?.length ?? 256) * 3 <= 255 ? given.headers.traceparent : undefined,
        )
      }),
    )
  })

  it('of pattern and time limit alone takes the short way, with the same result', () => {
    const route = routing([on('message', 'a'), on('event', '*')])
    const short = Buffer.concat([patternEntries()('a'), encodeMeta([[metaKey.timeoutMs, 70_000]])])
    const long = Buffer.concat([encodeMeta([[metaKey.timeoutMs, 70_000]]), patternEntries()('a')])
    const expected = { route: { pattern: 'a', message: 0, events: [1] }, timeoutMs: 70_000 }
    for (const bytes of [short, short, long]) expect(route(bytes, 0, bytes.length)).toMatchObject(expected)
    expect(route(short, 0, short.length)).toMatchObject({ meta: undefined })
  })

  it('finds the right route, however many patterns have passed', () => {
    const route = routing(Array.from({ length: 1_000 }, (_, i) => on('message', `p${String(i)}`)))
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 1_000; i++) {
        const bytes = Buffer.concat([patternEntries()(`p${String(i)}`), encodeMeta([[metaKey.timeoutMs, 1]])])
        expect(route(bytes, 0, bytes.length)).toMatchObject({ route: { pattern: `p${String(i)}`, message: i } })
      }
  })

  it('keeps the routes of a service of thousands of endpoints, and the bytes of their patterns', () => {
    const patterns = Array.from({ length: 10_000 }, (_, i) => `users.${String(i)}.get`)
    const route = routing(patterns.map((pattern) => on('message', pattern)))
    const entries = patternEntries()
    const routed = () =>
      patterns.map((pattern) => {
        const bytes = Buffer.concat([entries(pattern), encodeMeta([[metaKey.timeoutMs, 1]])])
        const found = route(bytes, 0, bytes.length)
        return typeof found === 'string' ? found : found.route
      })
    const before = routed()
    const after = routed()
    expect(before.map((one) => (typeof one === 'string' ? one : one.pattern))).toEqual(patterns)
    // Two that share a place take turns in it.
    expect(after.filter((one, i) => one === before[i]).length).toBeGreaterThan(7_500)
    const kept = patterns.map(entries)
    expect(patterns.every((pattern, i) => entries(pattern) === kept[i])).toBe(true)
  })
})

describe('control frames', () => {
  it('come back as they were', () => {
    const u32 = fc.integer({ min: 1, max: 0xffff_ffff })
    const token = fc.option(text(60)).map(O.fromNullable)
    fc.assert(
      fc.property(text(60), token, u32, u32, u32, (name, given, a, b, c) => {
        const hello = { minVersion: 1, maxVersion: 3, clientId: name, token: given, maxFrame: a }
        const one = encodeHello(hello)
        const bytes = Buffer.concat([one.meta, one.body])
        expect(decodeHello(bytes, 0, one.meta.length, bytes.length)).toEqual(hello)
        const welcome = { version: 1, serverId: name, maxFrame: a, maxInFlight: b, pingInterval: c, idleTimeout: a }
        const two = encodeWelcome(welcome)
        const answer = Buffer.concat([two.meta, two.body])
        expect(decodeWelcome(answer, 0, two.meta.length, answer.length)).toEqual(welcome)
        const goaway = { lastAccepted: a, code: closeCode.draining as CloseCode, graceMs: b, reason: name }
        const last = encodeGoaway(goaway)
        expect(decodeGoaway(last, 0, last.length)).toEqual({
          ...goaway,
          reason: name.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' '),
        })
      }),
    )
  })
})

describe('the writer', () => {
  const wired = (buffered = 0): { readonly wire: Wire; readonly writes: Array<Buffer> } => {
    const writes: Array<Buffer> = []
    return {
      writes,
      wire: {
        ...silentWire,
        // n.b. no copy where bytes are still buffered: they must not change
        write: (bytes) => writes.push(buffered > 0 ? (bytes as Buffer) : Buffer.from(bytes)) > 0,
        writableLength: () => buffered,
      },
    }
  }
  const frames = fc.array(fc.oneof(text(200), text(9_000), fc.uint8Array({ maxLength: 30_000 })), { maxLength: 60 })

  it.each([0, 1])(
    'writes each frame once, in order, whether or not the wire is done with the slab (%s)',
    async (left) => {
      await fc.assert(
        fc.asyncProperty(frames, async (bodies) => {
          const { wire, writes } = wired(left)
          const out = writer(wire, slabs(), () => undefined)
          const meta = encodeMeta([[metaKey.pattern, 'a']])
          bodies.forEach((body, i) => {
            out.frame(frameType.request, 0, i + 1, meta, 5, undefined, body)
          })
          await new Promise<void>((resolve) => process.nextTick(resolve))
          const entries: ReadonlyArray<Entry> = [
            [metaKey.pattern, 'a'],
            [metaKey.timeoutMs, 5],
          ]
          const expected = bodies.map((body, i) => bytesOf(frameType.request, i + 1, entries, body))
          expect(Buffer.concat(writes).equals(Buffer.concat(expected))).toBe(true)
        }),
        { numRuns: 30 },
      )
    },
  )

  const sending = () => {
    const { wire, writes } = wired()
    const out = writer(wire, slabs(), () => undefined)
    return {
      out,
      writes,
      send: (count: number, size = 20): void => {
        for (let i = 0; i < count; i++)
          out.frame(frameType.reply, 0, 1, Buffer.alloc(0), -1, undefined, 'x'.repeat(size))
      },
      tick: () => new Promise<void>((resolve) => process.nextTick(resolve)),
    }
  }

  it('writes the frames of a tick together, at most 32 of them or 8 KiB', async () => {
    const { out, writes, send, tick } = sending()
    send(40)
    await tick()
    writes.length = 0
    send(20)
    expect(writes.length).toBe(0)
    await tick()
    expect(writes.length).toBe(1)
    send(70)
    expect(writes.length).toBe(3)
    out.flush()
    expect(writes.length).toBe(4)
    send(5, 2_500)
    expect(writes.length).toBe(5)
  })

  it('lets the first one go ahead where there are few, so that the other end has something to do', async () => {
    const { writes, send, tick } = sending()
    for (const times of [1, 2]) {
      send(16)
      expect(writes.length).toBe(2 * times - 1)
      await tick()
      expect(writes.length).toBe(2 * times)
    }
    expect(writes[0]?.length).toBe(12 + 20)
    expect(writes[1]?.length).toBe(15 * (12 + 20))
    send(1)
    await tick()
    expect(writes.length).toBe(5)
    send(18)
    await tick()
    writes.length = 0
    send(16)
    expect(writes.length).toBe(0)
  })
})
