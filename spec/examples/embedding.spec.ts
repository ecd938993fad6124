/** The embedding example for real: two processes, HTTP in front, TCP between them. */
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, createMicroservice, listen, orThrow } from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { describe, expect, test } from 'vitest'
import { startApp } from '../../examples/embedding/app.js'
import { OrdersGet } from '../../examples/embedding/service.js'
import { StockReserve } from '../../examples/embedding/stock/contract.js'
import { program } from './processes.js'

const order = (url: string, body: unknown): Promise<Response> =>
  fetch(`${url}/orders`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })

const local = (port: number) => ({ host: '127.0.0.1', port })

describe('the embedding example', () => {
  test('serves HTTP and other services side by side, and stops cleanly at SIGTERM', async () => {
    const stock = program('embedding/stock/main.ts')
    const stockPort = Number((await stock.prints(/stock listens on (\d+)/))[1])
    const app = program('embedding/main.ts', [], { STOCK_PORT: String(stockPort) })
    const [, url = '', ordersPort] = await app.prints(/app on (\S+), orders on (\d+)/)

    const health = await fetch(`${url}/health`)
    expect([health.status, await health.json()]).toEqual([200, { ready: true, transports: { tcp: 'ready' } }])

    const placed = await order(url, { sku: 'tea', quantity: 2 })
    expect([placed.status, await placed.json()]).toEqual([201, { id: '1', sku: 'tea', quantity: 2, left: 3 }])
    const refused = await order(url, { sku: 'tea', quantity: 4 })
    expect([refused.status, await refused.json()]).toEqual([409, { _tag: 'OutOfStock', sku: 'tea', left: 3 }])
    expect((await order(url, { sku: 'tea' })).status).toBe(400)
    expect((await order(url, '{')).status).toBe(400)

    const client = createClient(tcp({ endpoints: [local(Number(ordersPort))] }))
    expect(await client.send(OrdersGet, { id: '1' })()).toEqual({
      _tag: 'Right',
      right: { id: '1', sku: 'tea', quantity: 2 },
    })
    expect(await client.send(OrdersGet, { id: '2' })()).toMatchObject({
      left: { _tag: 'HandlerFailed', error: { _tag: 'NotFound', id: '2' } },
    })
    await client.close()

    stock.kill('SIGTERM')
    expect((await stock.ended).code).toBe(0)
    expect((await order(url, { sku: 'tea', quantity: 1 })).status).toBe(503)

    app.kill('SIGTERM')
    const { code, out, err } = await app.ended
    expect({ code, err }).toEqual({ code: 0, err: [] })
    expect(out.at(-1)).toBe('stopped {"drained":0,"aborted":0,"unsettled":0,"lost":0}')
  }, 60_000)

  const slowStock = (ms: number, aborted: () => void = () => undefined) =>
    listen(
      createMicroservice('stock')
        .transport(tcp({}))
        .handle(StockReserve, (_, { signal }) => {
          signal.addEventListener('abort', aborted)
          return pipe(TE.right({ left: 1 }), T.delay(ms))
        }),
    )

  test('finishes the request under way while it stops', async () => {
    const stock = await orThrow(slowStock(300))
    const app = await startApp({ httpPort: 0, port: 0, stock: local(stock.addresses['tcp']!.port) })
    const response = order(app.url, { sku: 'tea', quantity: 1 })
    await new Promise((done) => setTimeout(done, 100))
    const stopping = app.stop()
    expect(app.running.health().ready).toBe(false)
    expect((await response).status).toBe(201)
    expect((await stopping).unsettled).toBe(0)
    await expect(fetch(`${app.url}/health`)).rejects.toThrow()
    await stock.stop()
  })

  test('cancels the call when the browser goes away', async () => {
    let tell = (): void => undefined
    const aborted = new Promise<void>((resolve) => (tell = resolve))
    const stock = await orThrow(slowStock(1_000, () => tell()))
    const app = await startApp({ httpPort: 0, port: 0, stock: local(stock.addresses['tcp']!.port) })
    const browser = new AbortController()
    const response = fetch(`${app.url}/orders`, {
      method: 'POST',
      body: '{"sku":"tea","quantity":1}',
      signal: browser.signal,
    })
    setTimeout(() => browser.abort(), 100)
    await expect(response).rejects.toThrow()
    await aborted
    await app.stop()
    await stock.stop()
  })
})
