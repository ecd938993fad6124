import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { createClient, listen, orThrow, type ClientError } from 'taskwire'
import { memory } from 'taskwire/memory'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { ratesOver } from '../../examples/contract/caller.js'
import { RateChanged, RatesConvert, type Money, type UnknownCurrency } from '../../examples/contract/contract.js'
import { rates } from '../../examples/contract/service.js'
import { program } from './processes.js'

describe('the contract example', () => {
  test('prints what its two sides agreed on', async () => {
    expect(await program('contract/main.ts').ended).toEqual({
      code: 0,
      out: ['unknown currency NOK', 'the rate of NOK is known', '10 EUR are 115 NOK'],
      err: [],
    })
  }, 60_000)

  test('gives the caller the types of the contract', async () => {
    const bus = memory()
    const client = createClient(bus)
    const converting = client.send(RatesConvert, { from: { amount: 1, currency: 'EUR' }, to: 'EUR' })
    expectTypeOf(converting).toEqualTypeOf<TaskEither<ClientError<UnknownCurrency>, Money>>()
    // @ts-expect-error the contract asks for a currency
    client.send(RatesConvert, { from: { amount: 1, currency: 'EUR' } })
    // @ts-expect-error the rate is a number
    client.emit(RateChanged, { currency: 'NOK', perEuro: '11.5' })

    const running = await orThrow(listen(rates(new Map([['EUR', 1]])).transport(bus)))
    expect(await converting()).toEqual({ _tag: 'Right', right: { amount: 1, currency: 'EUR' } })
    expect(await ratesOver(client).convert({ amount: 1, currency: 'XXX' }, 'EUR')()).toEqual({
      _tag: 'Left',
      left: { _tag: 'HandlerFailed', error: { _tag: 'UnknownCurrency', currency: 'XXX' } },
    })
    await client.close()
    await running.stop()
  })
})
