/** The service that the HTTP app starts beside its routes: other services ask it for orders. */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createMicroservice, message } from 'taskwire'

export const Order = t.strict({ id: t.string, sku: t.string, quantity: t.number })
export type Order = t.TypeOf<typeof Order>

export const OrdersGet = message('orders.get', {
  request: t.strict({ id: t.string }),
  reply: Order,
  failure: t.strict({ _tag: t.literal('NotFound'), id: t.string }),
})

export const orders = (store: ReadonlyMap<string, Order>) =>
  createMicroservice('orders').handle(OrdersGet, ({ id }) =>
    pipe(store.get(id), TE.fromNullable({ _tag: 'NotFound' as const, id })),
  )
