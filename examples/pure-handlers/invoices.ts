/** Handlers as plain functions. Nothing here opens a socket; everything here is tested with no transport at all. */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, type Context } from 'taskwire'

export const Invoice = t.strict({ id: t.string, customer: t.string, cents: t.number })
export type Invoice = t.TypeOf<typeof Invoice>

export const Unpayable = t.strict({ _tag: t.literal('Unpayable'), id: t.string, reason: t.string })
export type Unpayable = t.TypeOf<typeof Unpayable>

export interface BankDown {
  readonly _tag: 'BankDown'
}

/** What the handlers need. A test passes functions of its own. */
export interface Dependencies {
  readonly find: (id: string) => TaskEither<never, Invoice | undefined>
  /** The bank drops a payment whose reference it has seen. */
  readonly pay: (invoice: Invoice, reference: string, signal: AbortSignal) => TaskEither<BankDown, void>
}

/** A handler: payload and context in, TaskEither out. The message id stays the same over retries, so it is the reference. */
export const payInvoice =
  ({ pay }: Dependencies) =>
  (invoice: Invoice, { messageId, signal }: Context): TaskEither<BankDown | Unpayable, void> =>
    invoice.cents > 0
      ? pay(invoice, messageId, signal)
      : TE.left({ _tag: 'Unpayable', id: invoice.id, reason: 'nothing to pay' })

export const getInvoice =
  ({ find }: Dependencies) =>
  (id: string): TaskEither<Unpayable, Invoice> =>
    pipe(find(id), TE.chainW(TE.fromNullable({ _tag: 'Unpayable' as const, id, reason: 'no such invoice' })))

/** The definition. It knows its handlers, their codecs and their policies, and no transport. */
export const invoices = (dependencies: Dependencies) =>
  createMicroservice('invoices')
    .onEvent('invoice.due', Invoice, payInvoice(dependencies), {
      // The bank may be back later; an invoice without a sum will not change.
      classify: (error) => (error._tag === 'BankDown' ? 'retryable' : 'permanent'),
    })
    .onMessage('invoices.get', t.string, getInvoice(dependencies), { reply: Invoice, failure: Unpayable })
