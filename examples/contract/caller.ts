/** The side that calls. It imports the contract, not the service: payloads, replies and failures have their types from there. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Client, ClientError } from 'taskwire'
import { RateChanged, RatesConvert, type Money, type UnknownCurrency } from './contract.js'

export interface Rates {
  readonly convert: (from: Money, to: string) => TaskEither<ClientError<UnknownCurrency>, Money>
  readonly changed: (currency: string, perEuro: number) => TaskEither<ClientError<never>, void>
}

export const ratesOver = (client: Client): Rates => ({
  convert: (from, to) => client.send(RatesConvert, { from, to }, { timeout: 1_000 }),
  changed: (currency, perEuro) => client.emit(RateChanged, { currency, perEuro }),
})
