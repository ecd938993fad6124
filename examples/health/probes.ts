/** Health as HTTP: what an orchestrator asks a process, answered from `running.health()` without any I/O. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { IO } from 'fp-ts/lib/IO.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Health } from 'taskwire'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/**
 * `/livez`: the process answers, so there is no reason to restart it. `/readyz`: 200 while the service is ready, else 503
 * with the status of each transport.
 */
export const answer = (path: string, health: Health): Answer => {
  switch (path) {
    case '/livez':
      return { status: 200, body: { alive: true } }
    case '/readyz':
      return { status: health.ready ? 200 : 503, body: health }
    default:
      return { status: 404, body: { error: `no route ${path}` } }
  }
}

export interface Probes {
  readonly url: string
  readonly close: Task<void>
}

/** Answers on `port`, 0 for a free one, until it is closed; a Left where the port is taken. */
export const serveProbes = (health: IO<Health>, port: number, host = '127.0.0.1'): TaskEither<unknown, Probes> =>
  TE.tryCatch(
    async () => {
      const server = createServer(({ url = '' }, response) => {
        const { status, body } = answer(url, health())
        response
          .writeHead(status, { 'content-type': 'application/json', connection: 'close' })
          .end(JSON.stringify(body))
      }).listen(port, host)
      await once(server, 'listening')
      return {
        url: `http://${host}:${String((server.address() as AddressInfo).port)}`,
        close: async () => {
          const closed = once(server, 'close')
          server.close()
          await closed
        },
      }
    },
    (cause) => cause,
  )
