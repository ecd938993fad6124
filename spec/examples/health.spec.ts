/** The health example: what its probes answer while the service is ready, paused and stopping. */
import * as E from 'fp-ts/lib/Either.js'
import { createClient, listen, orThrow } from 'taskwire'
import { memory } from 'taskwire/memory'
import { tcp } from 'taskwire/tcp'
import { describe, expect, test } from 'vitest'
import { MailDue, mailer } from '../../examples/health/mailer.js'
import { answer, serveProbes } from '../../examples/health/probes.js'
import { program } from './processes.js'

const asked = async (url: string, path: string): Promise<readonly [number, unknown]> => {
  const response = await fetch(url + path)
  return [response.status, await response.json()]
}
const until = async (url: string, status: number): Promise<unknown> => {
  for (let looks = 0; looks < 1_000; looks++) {
    const [got, body] = await asked(url, '/readyz')
    if (got === status) return body
    await new Promise((done) => setTimeout(done, 10))
  }
  throw new Error(`/readyz never answers ${status}`)
}

describe('the health example', () => {
  test('is ready, then alive and not ready while it stops', async () => {
    const main = program('health/main.ts')
    const [, url = '', port] = await main.prints(/probes on (\S+), mailer on (\d+)/)
    expect(await asked(url, '/livez')).toEqual([200, { alive: true }])
    expect(await asked(url, '/readyz')).toEqual([200, { ready: true, transports: { tcp: 'ready' } }])
    expect((await asked(url, '/'))[0]).toBe(404)
    const client = createClient(tcp({ endpoints: [{ host: '127.0.0.1', port: Number(port) }] }))
    await orThrow(client.emit(MailDue, 'a@example.com'))
    main.kill('SIGTERM')
    expect(await until(url, 503)).toMatchObject({ ready: false })
    expect(await asked(url, '/livez')).toEqual([200, { alive: true }])
    await client.close()
    const { code, err } = await main.ended
    expect({ code, err }).toEqual({ code: 0, err: [] })
  }, 60_000)

  test('is not ready while the mail server is down, and sends every mail once it is back', async () => {
    let down = true
    const sent = new Set<string>()
    const bus = memory()
    const running = await orThrow(
      listen(
        mailer((address) => async () => {
          if (down) throw new Error('no mail server')
          sent.add(address)
          return E.right(undefined)
        }).transport(bus),
        { log: false },
      ),
    )
    const probes = await orThrow(serveProbes(running.health, 0))
    const addresses = Array.from({ length: 100 }, (_, n) => `${n}@example.com`)
    for (const address of addresses) await orThrow(running.clients.memory.emit(MailDue, address))
    expect(await until(probes.url, 503)).toEqual({ ready: false, transports: { memory: 'paused' } })
    down = false
    expect(await until(probes.url, 200)).toEqual({ ready: true, transports: { memory: 'ready' } })
    while (sent.size < addresses.length) await new Promise((done) => setTimeout(done, 10))
    await running.stop()
    expect(answer('/readyz', running.health())).toMatchObject({
      status: 503,
      body: { transports: { memory: 'closed' } },
    })
    await probes.close()
  }, 60_000)
})
