/** How a service is unit-tested: the handler alone, the definition with `inject`, its retries in virtual time. */
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, listen, orThrow } from 'taskwire'
import { memory, memoryBus } from 'taskwire/memory'
import { fixtureContext, inject, seededRandom, virtualClock } from 'taskwire/testing'
import { describe, expect, test } from 'vitest'
import {
  getInvoice,
  invoices,
  payInvoice,
  type Dependencies,
  type Invoice,
} from '../../examples/pure-handlers/invoices.js'

const invoice: Invoice = { id: 'i-1', customer: 'Ada', cents: 1_250 }

/** A bank that is down for the first calls, and notes the reference of each. */
const bank = (down = 0) => {
  const references: Array<string> = []
  const dependencies: Dependencies = {
    find: (id) => TE.right(id === invoice.id ? invoice : undefined),
    pay: (_, reference) =>
      TE.fromIOEither(() => {
        references.push(reference)
        return references.length > down ? E.right(undefined) : E.left({ _tag: 'BankDown' })
      }),
  }
  return { references, dependencies }
}

describe('the handler alone', () => {
  test('pays under the id of the message', async () => {
    const { references, dependencies } = bank()
    const result = await payInvoice(dependencies)(invoice, fixtureContext({ messageId: 'm-7' }))()
    expect(result).toEqual(E.right(undefined))
    expect(references).toEqual(['m-7'])
  })

  test('refuses an invoice without a sum before it asks the bank', async () => {
    const { references, dependencies } = bank()
    const result = await payInvoice(dependencies)({ ...invoice, cents: 0 }, fixtureContext())()
    expect(result).toEqual(E.left({ _tag: 'Unpayable', id: 'i-1', reason: 'nothing to pay' }))
    expect(references).toEqual([])
  })

  test('finds an invoice', async () => {
    expect(await getInvoice(bank().dependencies)('i-1')()).toEqual(E.right(invoice))
  })
})

describe('the definition, injected', () => {
  test('runs codec, handler and reply codec', async () => {
    const { references, dependencies } = bank()
    const run = inject(invoices(dependencies))
    expect(await run.emit('invoice.due')(invoice)()).toEqual(E.right(undefined))
    expect(references).toHaveLength(1)
    expect(await run.send('invoices.get')('i-1')()).toEqual(E.right(invoice))
    expect(await run.send('invoices.get')('i-2')()).toEqual(
      E.left({ _tag: 'HandlerFailed', error: { _tag: 'Unpayable', id: 'i-2', reason: 'no such invoice' } }),
    )
  })

  test('names what is wrong with a payload, and does not run the handler', async () => {
    const { references, dependencies } = bank()
    const result = await inject(invoices(dependencies)).raw('invoice.due')({ id: 'i-1', cents: '12' })()
    expect(result).toMatchObject({
      left: {
        _tag: 'InvalidPayload',
        issues: [
          { path: 'customer', expected: 'string' },
          { path: 'cents', expected: 'number' },
        ],
      },
    })
    expect(references).toEqual([])
  })
})

describe('its policy, in virtual time', () => {
  const started = async (down: number) => {
    const { references, dependencies } = bank(down)
    const { clock, advance } = virtualClock()
    const bus = memoryBus()
    const surroundings = { clock, random: seededRandom(1) }
    const running = await orThrow(listen(invoices(dependencies).transport(memory({ bus })), surroundings))
    const client = createClient(memory({ bus }), surroundings)
    const stop = async (): Promise<void> => {
      await client.close()
      await running.stop()
    }
    return { references, bus, client, advance, stop }
  }

  test('tries again while the bank is down, under one reference', async () => {
    const { references, bus, client, advance, stop } = await started(2)
    await orThrow(client.emit('invoice.due', invoice))
    await advance(1_000 + 10_000)
    expect(references).toHaveLength(3)
    expect(new Set(references).size).toBe(1)
    expect(bus.deadLetters()).toEqual([])
    await stop()
  })

  test('sets the invoice aside after five attempts', async () => {
    const { references, bus, client, advance, stop } = await started(Infinity)
    await orThrow(client.emit('invoice.due', invoice))
    await advance(1_000 + 10_000 + 60_000 + 600_000)
    expect(references).toHaveLength(5)
    expect(bus.deadLetters()).toMatchObject([{ reason: { _tag: 'AttemptsExhausted', attempts: 5 } }])
    await stop()
  })

  test('sets one without a sum aside at once', async () => {
    const { bus, client, advance, stop } = await started(0)
    await orThrow(client.emit('invoice.due', { ...invoice, cents: 0 }))
    await advance(0)
    expect(bus.deadLetters()).toMatchObject([{ reason: { _tag: 'HandlerFailed', attempts: 1 } }])
    await stop()
  })
})
