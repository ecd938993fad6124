import { describe, expect, it } from 'vitest'
import { abortedBecause } from '../../../lib/core/context.js'
import { callOf } from '../../../lib/transport/tcp/call.js'
import { frameType, refusal } from '../../../lib/transport/tcp/frame.js'
import { slots } from '../../../lib/transport/tcp/slots.js'
import { bytesOf, call, welcomed, type Frame } from './raw.js'
import {
  connected,
  on,
  outgoing,
  reply,
  request,
  serving,
  text,
  until,
  type TcpDeliver,
  type TcpDelivery,
} from './support.js'

const codeOf = (frame: Frame): number => frame.meta.readUInt16BE(2)
const both = [on('message', 'slow'), on('message', 'ok')]
const events = [on('event', 'note', 'first'), on('event', 'note', 'second'), on('message', 'ok')]

/** Lets everything wait that is not for `ok`, until it is taken back. */
const waiting =
  (seen: Array<TcpDelivery> = []): TcpDeliver =>
  (delivery, settle) => {
    if (delivery.context.pattern === 'ok') {
      settle(reply('ok'))
      return undefined
    }
    seen.push(delivery)
    return () => {
      if (delivery.admitted === undefined) settle({ _tag: 'Fail', failure: { _tag: 'Cancelled' } })
      else settle({ _tag: 'Refuse', because: 'overloaded', limit: 7 })
    }
  }

describe('a request that has not started', () => {
  it('is answered at once when its caller cancels it, and gives its credit back', async () => {
    const seen: Array<TcpDelivery> = []
    const { port } = await serving(both, waiting(seen), { limits: { maxInFlight: 2 } })
    const raw = await welcomed(port)
    raw.send(call(1, 'slow'), call(2, 'slow'), bytesOf(frameType.cancel, 1))
    const failure = await raw.got(frameType.failure)
    expect([failure.id, codeOf(failure)]).toEqual([1, 6])
    expect(seen.map(({ context }) => abortedBecause(context))).toEqual(['cancelled', undefined])
    raw.send(call(3, 'ok'))
    expect((await raw.got(frameType.reply)).id).toBe(3)
  })

  it('gives its room in the server back when its connection is lost', async () => {
    const seen: Array<TcpDelivery> = []
    const { port } = await serving(both, waiting(seen), { limits: { maxPending: 2 } })
    const raw = await welcomed(port)
    raw.send(call(1, 'slow'), call(2, 'slow'))
    await until(() => seen.length === 2)
    raw.socket.destroy()
    await until(() => seen.every(({ context }) => abortedBecause(context) === 'disconnected'))
    const client = await connected({ port })
    expect(text(await request(client, outgoing('ok', '')))).toBe('ok')
  })
})

describe('an event that no endpoint has admitted', () => {
  it('is taken back and rejected when its sender gives it up', async () => {
    const { port } = await serving(events, waiting())
    const raw = await welcomed(port)
    raw.send(call(1, 'note', '', 1_000, frameType.event), bytesOf(frameType.cancel, 1))
    const rejected = await raw.got(frameType.rejected)
    expect([rejected.id, codeOf(rejected)]).toEqual([1, refusal.overloaded])
  })

  it('is acknowledged when it is given up and one endpoint has it already', async () => {
    const { port, connection } = await serving(events, (delivery, settle) => {
      if (delivery.subscription > 0) return waiting()(delivery, settle)
      delivery.admitted?.(undefined)
      return undefined
    })
    const raw = await welcomed(port)
    raw.send(call(1, 'note', '', 1_000, frameType.event), bytesOf(frameType.cancel, 1))
    expect((await raw.got(frameType.eventAck)).id).toBe(1)
    expect(connection.lost?.()).toBe(1)
  })

  it('gives its room in the server back when its connection is lost', async () => {
    const seen: Array<TcpDelivery> = []
    const { port } = await serving(events, waiting(seen), { limits: { maxPending: 1 } })
    const raw = await welcomed(port)
    raw.send(call(1, 'note', '', 1_000, frameType.event))
    await until(() => seen.length === 2)
    raw.socket.destroy()
    const client = await connected({ port })
    let answer = ''
    await until(() => {
      void request(client, outgoing('ok', '')).then((got) => (answer = text(got)))
      return answer === 'ok'
    })
  })

  it('does not keep requests of the same client waiting once it is given up', async () => {
    const seen: Array<TcpDelivery> = []
    const { port } = await serving(events, waiting(seen), { limits: { maxInFlight: 4 } })
    const client = await connected({ port })
    const cancels = Array.from({ length: 10 }, () => client.publish(outgoing('note', ''), () => undefined))
    await until(() => seen.length === 8)
    for (const cancel of cancels) cancel()
    expect(text(await request(client, outgoing('ok', '')))).toBe('ok')
  })
})

describe('a call that is over on the client', () => {
  it('leaves nothing but its id while the server has not answered', () => {
    const places = slots(4, () => 0)
    const one = callOf('request', outgoing('slow', 'x'.repeat(1_000)), () => undefined, undefined)
    const id = places.take(one)
    places.forget(one)
    expect(places.all()).not.toContain(one)
    expect(JSON.stringify(places.all())).not.toContain('xxx')
    expect(places.inFlight()).toBe(1)
    expect(places.release(id)).toMatchObject({ id, over: true })
    expect(places.inFlight()).toBe(0)
  })
})
