import { describe, expect, it } from 'vitest'
import type { Issue } from '../../../lib/core/error.js'
import type { Reason, Settlement } from '../../../lib/core/settlement.js'
import { welcomed, call } from './raw.js'
import { frameType } from '../../../lib/transport/tcp/frame.js'
import { connected, on, outgoing, publish, serving, until, type TcpDelivery } from './support.js'

const ack: Settlement = { _tag: 'Ack' }
const issues: ReadonlyArray<Issue> = [{ path: 'id', expected: 'string' }]
const refuse = (because: 'draining' | 'overloaded'): Settlement => ({ _tag: 'Refuse', because, limit: 7 })
const reason: Reason = {
  _tag: 'HandlerFailed',
  message: 'no luck',
  errorId: undefined,
  attempts: 1,
  firstFailedAt: 123,
  lastFailedAt: 123,
}
const one = [on('event', 'note')]
const two = [on('event', 'note', 'first'), on('event', '#', 'second')]

describe('an event', () => {
  it('that no endpoint can decode is InvalidPayload, with the issues', async () => {
    const { port } = await serving(two, (delivery, settle) => {
      delivery.admitted?.(issues)
      settle({ _tag: 'DeadLetter', reason })
    })
    const client = await connected({ port })
    expect(await publish(client, outgoing('note', ''))).toEqual({
      _tag: 'Failing',
      error: { _tag: 'InvalidPayload', issues },
      processed: 'no',
      retryAfterMs: undefined,
    })
  })

  it('that one of two endpoints can decode is accepted', async () => {
    const { port } = await serving(two, (delivery, settle) => {
      delivery.admitted?.(delivery.subscription === 0 ? issues : undefined)
      settle(ack)
    })
    const client = await connected({ port })
    expect(await publish(client, outgoing('note', ''))).toEqual({ _tag: 'Accepted' })
  })

  it.each([
    ['overloaded', { error: { _tag: 'Overloaded', limit: 7 }, processed: 'no', retryAfterMs: 100 }],
    ['draining', { error: { _tag: 'Disconnected', maybeProcessed: false }, processed: 'no', retryAfterMs: 0 }],
  ] as const)(
    'that is refused as %s says that it was not processed, and when to try again',
    async (because, answer) => {
      const { port } = await serving(one, (_, settle) => {
        settle(refuse(because))
      })
      const client = await connected({ port })
      expect(await publish(client, outgoing('note', ''))).toMatchObject(answer)
    },
  )

  it('is acknowledged once, whatever its endpoints call afterwards', async () => {
    const { port } = await serving(two, (delivery, settle) => {
      delivery.admitted?.(undefined)
      delivery.admitted?.(undefined)
      settle(ack)
      settle(ack)
    })
    const raw = await welcomed(port)
    for (let id = 1; id <= 5; id++) raw.send(call(id, 'note', '', 1_000, frameType.event))
    await raw.got(frameType.eventAck, 5)
    expect(raw.frames.filter(({ type }) => type === frameType.eventAck).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
  })

  it('waits without being acknowledged while the queue of its endpoint is full, within the credit', async () => {
    const held: Array<TcpDelivery> = []
    const { port } = await serving(one, (delivery) => void held.push(delivery), { limits: { maxInFlight: 8 } })
    const client = await connected({ port })
    const answers = Array.from({ length: 20 }, () => publish(client, outgoing('note', '')))
    await until(() => held.length === 8)
    await new Promise((resolve) => void setTimeout(resolve, 30))
    expect(held.length).toBe(8)
    for (let i = 0; i < 20; i++) {
      await until(() => held.length > i)
      held[i]?.admitted?.(undefined)
    }
    expect((await Promise.all(answers)).every(({ _tag }) => _tag === 'Accepted')).toBe(true)
  })
})

describe('an event that its sender knows to be accepted', () => {
  it('is counted and logged as lost when it is refused afterwards', async () => {
    const { port, connection, logged } = await serving(two, (delivery, settle) => {
      delivery.admitted?.(undefined)
      settle(delivery.subscription === 0 ? ack : refuse('draining'))
    })
    const client = await connected({ port })
    for (let i = 0; i < 3; i++) await publish(client, outgoing('note', ''))
    await connection.close()
    expect(logged).toEqual(['tcp: 3 events will not be handled again (second: 3)'])
    expect(connection.lost?.()).toBe(3)
  })

  it('is counted for the endpoint that refused it while another one took it', async () => {
    const { port, connection } = await serving(two, (delivery, settle) => {
      if (delivery.subscription === 0) settle(refuse('overloaded'))
      else {
        delivery.admitted?.(undefined)
        settle(ack)
      }
    })
    const client = await connected({ port })
    expect((await publish(client, outgoing('note', '')))._tag).toBe('Accepted')
    expect(connection.lost?.()).toBe(1)
  })
})
