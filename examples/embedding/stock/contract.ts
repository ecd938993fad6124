/** What `stock` offers. In real life this file is a package that `stock` publishes. */
import * as t from 'io-ts'
import { message } from 'taskwire'

export const Reservation = t.strict({ sku: t.string, quantity: t.number })
export const OutOfStock = t.strict({ _tag: t.literal('OutOfStock'), sku: t.string, left: t.number })

export const StockReserve = message('stock.reserve', {
  request: Reservation,
  reply: t.strict({ left: t.number }),
  failure: OutOfStock,
})
