import { describe, expect, test } from 'vitest'
import type { Settlement } from '../../../lib/core/settlement.js'
import { answerOf, replyOf, writeReply } from '../../../lib/transport/broker/reply.js'

const reason = { _tag: 'Defect', message: '', errorId: 'e-1', attempts: 1, firstFailedAt: 0, lastFailedAt: 0 } as const

const roundTrip = (settlement: Settlement, most = 100) => {
  const reply = replyOf(settlement, most)
  const fields: Record<string, string> = {}
  writeReply(fields, reply)
  return answerOf('token', fields, Buffer.from(reply.body))
}

describe('a reply', () => {
  test('carries a value, and a declared failure', () => {
    for (const status of ['ok', 'error'] as const)
      expect(roundTrip({ _tag: 'Reply', status, body: '{"a":1}' })).toEqual({
        _tag: 'Reply',
        status,
        body: Buffer.from('{"a":1}'),
      })
    expect(roundTrip({ _tag: 'Ack' })).toEqual({ _tag: 'Reply', status: 'ok', body: Buffer.from('') })
  })

  test('beyond the largest body is a failure', () => {
    expect(roundTrip({ _tag: 'Reply', status: 'ok', body: 'x'.repeat(101) })).toMatchObject({
      error: { _tag: 'MessageTooLarge', limitBytes: 100 },
      processed: 'yes',
    })
  })

  test('tells a failure, and that it was processed', () => {
    expect(roundTrip({ _tag: 'Fail', failure: { _tag: 'Internal', errorId: 'e-1' } })).toEqual({
      _tag: 'Failing',
      error: { _tag: 'Internal', errorId: 'e-1' },
      processed: 'yes',
      retryAfterMs: undefined,
    })
    for (const _tag of ['DeadLetter', 'Retry'] as const)
      expect(roundTrip({ _tag, reason, delayMs: 1, attempt: 2 })).toMatchObject({
        error: { _tag: 'Internal', errorId: 'e-1' },
      })
  })

  test('tells what was refused, and that it was not processed', () => {
    expect(roundTrip({ _tag: 'Refuse', because: 'draining', limit: 0 })).toMatchObject({
      error: { _tag: 'Disconnected', maybeProcessed: false },
      processed: 'no',
      retryAfterMs: 100,
    })
    expect(roundTrip({ _tag: 'Refuse', because: 'overloaded', limit: 7 })).toMatchObject({
      error: { _tag: 'Overloaded', limit: 7 },
      processed: 'no',
      retryAfterMs: 100,
    })
  })

  test('that came too late was not processed, and one that took too long was', () => {
    const timedOut = (afterMs: number) => ({ _tag: 'TimeoutError', afterMs, waitingFor: 'handler' }) as const
    for (const [afterMs, processed] of [
      [0, 'no'],
      [50, 'yes'],
    ] as const)
      expect(roundTrip({ _tag: 'Fail', failure: timedOut(afterMs) })).toMatchObject({
        error: timedOut(afterMs),
        processed,
      })
  })

  test('of a version to come, or forged, is a typed failure', () => {
    for (const fields of [{}, { 'taskwire-status': 'new' }, { 'taskwire-status': 'failure', 'taskwire-code': '999' }])
      expect(answerOf('token', fields, Buffer.from('{'))).toMatchObject({
        error: { _tag: 'TransportFailed', name: 'token' },
        processed: 'yes',
      })
  })
})
