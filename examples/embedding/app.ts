/**
 * An ordinary `node:http` app. Two things were added to it: it answers other services (`orders.get`), and it asks one
 * (`stock.reserve`). The same three steps fit any framework: start beside the routes, call from a route, stop with it.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { createClient, listen, orThrow, render, type Address, type Running, type StopReport } from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { orders, type Order } from './service.js'
import { Reservation, StockReserve } from './stock/contract.js'

export interface AppOptions {
  readonly httpPort: number
  /** Where the `orders` service listens. */
  readonly port: number
  /** Where the `stock` service is. */
  readonly stock: Address
}

export interface App {
  readonly url: string
  readonly running: Running<'tcp'>
  readonly stop: () => Promise<StopReport>
}

const answer = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const jsonOf = async (request: IncomingMessage): Promise<E.Either<string, unknown>> => {
  const body = await text(request)
  return E.tryCatch(
    (): unknown => JSON.parse(body),
    () => 'not JSON',
  )
}

export const startApp = async ({ httpPort, port, stock }: AppOptions): Promise<App> => {
  const store = new Map<string, Order>()

  // 1. Start beside the routes. `orThrow` turns the Left of `listen` into a rejection, for async/await code.
  const running = await orThrow(listen(orders(store).transport(tcp({ port }))))
  const client = createClient(tcp({ endpoints: [stock] }))

  // 2. Call from a route.
  const placeOrder = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const wanted = pipe(
      await jsonOf(request),
      E.chainW((body) => Reservation.decode(body)),
    )
    if (E.isLeft(wanted)) {
      answer(response, 400, { error: 'expected { sku, quantity }' })
      return
    }
    // When the browser goes away, the call is cancelled, and so is the handler's work in `stock`.
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const reserved = await client.send(StockReserve, wanted.right, { timeout: 2_000, signal: gone.signal })()
    if (E.isRight(reserved)) {
      const order: Order = { id: String(store.size + 1), ...wanted.right }
      store.set(order.id, order)
      answer(response, 201, { ...order, left: reserved.right.left })
    } else if (reserved.left._tag === 'HandlerFailed') answer(response, 409, reserved.left.error)
    else answer(response, 503, { error: render(reserved.left) })
  }

  const health = (response: ServerResponse): void => {
    const state = running.health()
    answer(response, state.ready ? 200 : 503, state)
  }

  const server = createServer((request, response) => {
    // A response that is finished while the server closes must not keep its connection.
    response.once('finish', () => {
      if (!server.listening) request.socket.end()
    })
    const route = `${String(request.method)} ${String(request.url)}`
    if (route === 'GET /health') health(response)
    else if (route === 'POST /orders')
      placeOrder(request, response).catch((cause: unknown) => {
        answer(response, 500, { error: String(cause) })
      })
    else answer(response, 404, { error: `no route ${route}` })
  })
  server.listen(httpPort, '127.0.0.1')
  await once(server, 'listening').catch(async (cause: unknown) => {
    await running.stop()
    throw cause
  })

  // 3. Stop with it: readiness turns false at once; HTTP and service drain side by side; the client, which both use, goes last.
  const stop = async (): Promise<StopReport> => {
    const closed = once(server, 'close')
    server.close()
    const [report] = await Promise.all([running.stop(), closed])
    await client.close()
    return report
  }

  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, running, stop }
}
