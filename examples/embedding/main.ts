/** `STOCK_PORT=4100 HTTP_PORT=8080 tsx examples/embedding/main.ts`, next to a running `stock`. */
import { startApp } from './app.js'

const port = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise)

const app = await startApp({
  httpPort: port('HTTP_PORT', 0),
  port: port('ORDERS_PORT', 0),
  stock: { host: '127.0.0.1', port: port('STOCK_PORT', 4100) },
})
process.stdout.write(`app on ${app.url}, orders on ${String(app.running.addresses['tcp']?.port)}\n`)

// The signals belong to the app. `runMain` is for processes that are nothing but a service.
const shutdown = (): void =>
  void app.stop().then((report) => {
    process.stdout.write(`stopped ${JSON.stringify(report)}\n`)
  })
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, shutdown)
