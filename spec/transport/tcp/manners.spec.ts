import { describe, expect, it } from 'vitest'
import { encodeGoaway } from '../../../lib/transport/tcp/control.js'
import { closeCode, frameType, refusal } from '../../../lib/transport/tcp/frame.js'
import { bytesOf, call, hello, rawClient, welcome, welcomed, welcoming } from './raw.js'
import { connected, echo, on, outgoing, reply, request, serving, until } from './support.js'

const echoing = [on('message', 'echo'), on('event', 'user.*')]
const goodbye = (code: number, graceMs = 0): Buffer =>
  bytesOf(frameType.goaway, 0, [], encodeGoaway({ lastAccepted: 99, code, graceMs, reason: '' }))
const ping = bytesOf(frameType.ping, 0, [], '12345678')
const pong = bytesOf(frameType.pong, 0, [], '12345678')

describe('a peer that says control frames', () => {
  it.each([
    ['a ping', ping],
    ['a pong', pong],
    ['a goodbye', goodbye(0)],
  ])('is sent away for %s before its hello', async (_what, bytes) => {
    const { port } = await serving(echoing, echo)
    const raw = await rawClient(port)
    raw.send(bytes)
    expect((await raw.goaway()).code).toBe(closeCode.protocol)
  })

  it.each([
    ['pongs that nobody asked for', pong],
    ['goodbyes', goodbye(0)],
  ])('is sent away for a flood of %s', async (_what, bytes) => {
    const { port } = await serving(echoing, echo)
    const raw = await welcomed(port)
    raw.send(...Array<Buffer>(12).fill(bytes))
    expect((await raw.goaway()).code).toBe(closeCode.flood)
  })

  it('is sent away for a flood of cancels of one request', async () => {
    const { port } = await serving(echoing, () => undefined, { limits: { maxInFlight: 4 } })
    const raw = await welcomed(port)
    raw.send(call(1), ...Array<Buffer>(18).fill(bytesOf(frameType.cancel, 1)))
    expect((await raw.goaway()).code).toBe(closeCode.flood)
  })
})

describe('a server', () => {
  it('has no handler for a message to a pattern with wildcards', async () => {
    const { port } = await serving(echoing, echo)
    const raw = await welcomed(port)
    raw.send(call(1, 'user.*', '', 1_000, frameType.event), call(2, 'user.#', '', 1_000, frameType.event))
    await raw.got(frameType.rejected, 2)
    expect(raw.frames.slice(1).map(({ type, meta }) => [type, meta.readUInt16BE(2)])).toEqual([
      [frameType.rejected, refusal.noHandler],
      [frameType.rejected, refusal.noHandler],
    ])
  })

  it('names fewer issues where all of them do not fit the frames of its caller', async () => {
    const issues = Array.from({ length: 20 }, () => ({ path: '\u0001'.repeat(300), expected: 'string' }))
    const { port } = await serving(echoing, (_, settle) => {
      settle({ _tag: 'Fail', failure: { _tag: 'InvalidPayload', issues } })
    })
    const raw = await rawClient(port)
    raw.send(hello(undefined, 16_384))
    await raw.got(frameType.welcome)
    raw.send(call(1))
    const { meta, body } = await raw.got(frameType.failure)
    expect(8 + meta.length + body.length).toBeLessThanOrEqual(16_384)
    const { issues: left } = JSON.parse(body.toString()) as { readonly issues: ReadonlyArray<unknown> }
    expect(left.length).toBeGreaterThan(2)
  })

  it('that closes lets replies flow to a peer that takes them slowly', async () => {
    const { port, connection } = await serving(
      echoing,
      (_, settle) => {
        settle(reply('x'.repeat(1_000_000)))
      },
      { limits: { closeGrace: 300 } },
    )
    const raw = await welcomed(port)
    let budget = 0
    raw.socket.on('data', (chunk) => {
      budget -= chunk.length
      if (budget <= 0) raw.socket.pause()
    })
    const reading = setInterval(() => {
      budget = 200_000
      raw.socket.resume()
    }, 20)
    raw.send(...Array.from({ length: 16 }, (_, i) => call(i + 1)))
    await raw.got(frameType.reply)
    await connection.close()
    budget = Infinity
    raw.socket.resume()
    await until(raw.closed)
    clearInterval(reading)
    expect(raw.frames.filter(({ type }) => type === frameType.reply).length).toBe(16)
  })
})

describe('a connection that the server is leaving', () => {
  it('is closed as soon as all of its calls are given up', async () => {
    let closed = 0
    const { port } = await welcoming((raw, frame) => {
      if (frame.type === frameType.request) raw.send(goodbye(closeCode.draining))
      raw.socket.once('end', () => (closed += 1))
    })
    const client = await connected({ port })
    const cancel = client.request(outgoing('a', ''), () => undefined)
    await new Promise((resolve) => void setTimeout(resolve, 100))
    cancel()
    await until(() => closed > 0)
  })

  it('ends with the grace that the server has named', async () => {
    const { port } = await welcoming((raw, frame) => {
      if (frame.type === frameType.request) raw.send(goodbye(closeCode.draining, 100))
    }, welcome())
    const client = await connected({ port, limits: { closeGrace: 50 } })
    expect(await request(client, outgoing('a', ''))).toMatchObject({
      error: { _tag: 'Disconnected', maybeProcessed: true },
    })
  })
})
