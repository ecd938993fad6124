/** Payments, taken by a provider that may be down and may decline. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, delays, type Codec } from 'taskwire'

export interface Payment {
  readonly id: string
  readonly cents: number
}

/** Another attempt may help when the provider is down, and never when it has declined. */
export type Refusal = 'down' | 'declined'
export type Charge = (payment: Payment) => TaskEither<Refusal, void>

export const Strict: Codec<Payment> = t.strict({ id: t.string, cents: t.number })

const Cents = new t.Type<number>(
  'cents',
  t.number.is,
  (input, context) => {
    const cents = typeof input === 'string' && input !== '' ? Number(input) : input
    return typeof cents === 'number' && Number.isInteger(cents) ? t.success(cents) : t.failure(input, context)
  },
  t.identity,
)

/** A later version: it also reads what an old sender writes, the cents as text. */
export const Lenient: Codec<Payment> = t.strict({ id: t.string, cents: Cents })

export const payments = (payment: Codec<Payment>, charge: Charge) =>
  createMicroservice('payments', { retry: delays(20) }).onEvent('payment.due', payment, charge, {
    classify: (refusal) => (refusal === 'down' ? 'retryable' : 'permanent'),
  })
