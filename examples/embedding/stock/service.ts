/** The other service: it keeps count of what can be sold. */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice } from 'taskwire'
import { StockReserve } from './contract.js'

export const stock = (levels: Map<string, number>) =>
  createMicroservice('stock').handle(StockReserve, ({ sku, quantity }) =>
    TE.fromIOEither(() => {
      const left = levels.get(sku) ?? 0
      if (left < quantity) return E.left({ _tag: 'OutOfStock', sku, left })
      levels.set(sku, left - quantity)
      return E.right({ left: left - quantity })
    }),
  )
