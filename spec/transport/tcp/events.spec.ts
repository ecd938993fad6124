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
const retry = (delayMs: number, attempt: number): Settlement => ({ _tag: 'Retry', delayMs, attempt, reason })
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

describe('an event that is to be retried', () => {
  it('is delivered again to its endpoint alone, in time, with its attempt and its first failure', async () => {
    const seen: Array<{ readonly delivery: TcpDelivery; readonly at: number }> = []
    const { port } = await serving(two, (delivery, settle) => {
      delivery.admitted?.(undefined)
      seen.push({ delivery, at: performance.now() })
      settle(
        delivery.subscription === 1 && delivery.context.attempt < 3 ? retry(30, delivery.context.attempt + 1) : ack,
      )
    })
    const client = await connected({ port })
    await publish(client, outgoing('note', 'body', { messageId: 'm', key: 'k', headers: { a: '1' } }))
    await until(() => seen.length === 4)
    const again = seen.filter(({ delivery }) => delivery.subscription === 1)
    expect(again.map(({ delivery }) => delivery.context.attempt)).toEqual([1, 2, 3])
    expect(again.map(({ delivery }) => delivery.firstFailedAt)).toEqual([undefined, 123, 123])
    for (const { delivery } of again) {
      expect(Buffer.from(delivery.body).toString()).toBe('body')
      expect(delivery).toMatchObject({ key: 'k', context: { messageId: 'm', headers: { a: '1' }, pattern: 'note' } })
      expect(delivery.context.signal.aborted).toBe(false)
    }
    expect((again[2]?.at ?? 0) - (again[0]?.at ?? 0)).toBeGreaterThanOrEqual(58)
  })

  it('outlives the connection that brought it', async () => {
    const seen: Array<TcpDelivery> = []
    const { port } = await serving(one, (delivery, settle) => {
      delivery.admitted?.(undefined)
      seen.push(delivery)
      settle(delivery.context.attempt === 1 ? retry(50, 2) : ack)
    })
    const raw = await welcomed(port)
    raw.send(call(1, 'note', 'x', 1_000, frameType.event))
    await raw.got(frameType.eventAck)
    raw.socket.destroy()
    await until(() => seen.length === 2)
  })

  it('is counted in the log when the server closes before its time, with what was refused after admission', async () => {
    const { port, connection, logged } = await serving(two, (delivery, settle) => {
      delivery.admitted?.(undefined)
      settle(delivery.subscription === 0 ? retry(60_000, 2) : refuse('draining'))
    })
    const client = await connected({ port })
    for (let i = 0; i < 3; i++) await publish(client, outgoing('note', ''))
    await connection.close()
    expect(logged).toEqual(['tcp: 6 events will not be handled again (second: 3, first: 3)'])
  })

  it('is not delivered once the intake has stopped', async () => {
    let deliveries = 0
    const { port, connection, stop, logged } = await serving(one, (delivery, settle) => {
      deliveries += 1
      delivery.admitted?.(undefined)
      settle(retry(20, 2))
    })
    const client = await connected({ port })
    const answer = await publish(client, outgoing('note', ''))
    await stop()
    const before = deliveries
    await new Promise((resolve) => void setTimeout(resolve, 50))
    await connection.close()
    expect([answer._tag, deliveries]).toEqual(['Accepted', before])
    expect(logged.at(-1)).toBe('tcp: 1 events will not be handled again (note: 1)')
  })

  it('is refused a place beyond what the server holds, and so is the next one', async () => {
    const { port } = await serving(
      one,
      (delivery, settle) => {
        delivery.admitted?.(undefined)
        settle(retry(60_000, 2))
      },
      { limits: { maxPending: 2 } },
    )
    const client = await connected({ port })
    const answers = [1, 2, 3].map(() => publish(client, outgoing('note', '')))
    expect((await Promise.all(answers)).map((answer) => answer._tag)).toEqual(['Accepted', 'Accepted', 'Failing'])
  })
})
