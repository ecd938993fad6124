/** A process of its own: `STOCK_PORT=4100 tsx examples/embedding/stock/main.ts`. Without `STOCK_PORT` it takes a free port. */
import { runMain } from 'taskwire'
import { tcp } from 'taskwire/tcp'
import { stock } from './service.js'

const levels = new Map([
  ['tea', 5],
  ['mug', 1],
])

await runMain(stock(levels).transport(tcp({ port: Number(process.env['STOCK_PORT'] ?? 0) })), {
  started: ({ addresses }) => {
    process.stdout.write(`stock listens on ${String(addresses['tcp']?.port)}\n`)
  },
})
