/** The side that implements the contract. `handle` takes handlers whose types fit it, and no others. */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice } from 'taskwire'
import { RateChanged, RatesConvert } from './contract.js'

export const rates = (perEuro: Map<string, number>) =>
  createMicroservice('rates')
    .handle(RateChanged, ({ currency, perEuro: rate }) => TE.fromIO(() => void perEuro.set(currency, rate)))
    .handle(RatesConvert, ({ from, to }) =>
      TE.fromIOEither(() => {
        const source = perEuro.get(from.currency)
        const target = perEuro.get(to)
        if (source === undefined) return E.left({ _tag: 'UnknownCurrency', currency: from.currency })
        if (target === undefined) return E.left({ _tag: 'UnknownCurrency', currency: to })
        return E.right({ amount: (from.amount / source) * target, currency: to })
      }),
    )
