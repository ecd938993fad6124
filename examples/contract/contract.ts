/** What `rates` and its callers agree on: patterns and codecs, no handlers. Publish it as a package of its own. */
import * as t from 'io-ts'
import { event, message } from 'taskwire'

export const Money = t.strict({ amount: t.number, currency: t.string })
export type Money = t.TypeOf<typeof Money>

export const UnknownCurrency = t.strict({ _tag: t.literal('UnknownCurrency'), currency: t.string })
export type UnknownCurrency = t.TypeOf<typeof UnknownCurrency>

export const RatesConvert = message('rates.convert', {
  request: t.strict({ from: Money, to: t.string }),
  reply: Money,
  failure: UnknownCurrency,
})

/** Changes of one currency are handled in the order in which they were emitted: `key` is the ordering key. */
export const RateChanged = event('rates.changed', t.strict({ currency: t.string, perEuro: t.number }), {
  key: ({ currency }) => currency,
})
