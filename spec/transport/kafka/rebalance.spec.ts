/** Replicas that come and go. */
import * as t from 'io-ts'
import { createMicroservice } from 'taskwire'
import { expect, test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { benches, pause, until, type Bench } from './support.js'

const right = { _tag: 'Right', right: undefined } as const

await withBroker('kafka', (url) => {
  const bench = benches()

  const replica = ({ transport }: Bench, handled: Map<number, number>, order: Array<number>, work: number) =>
    createMicroservice('scaled')
      .transport(transport({ kafkajs: { consumer: { maxWaitTimeInMs: 50, heartbeatInterval: 200 } } }))
      .onEvent('number', t.number, (n) => async () => {
        await pause(work)
        handled.set(n, (handled.get(n) ?? 0) + 1)
        order.push(n)
        return right
      })

  test('a second replica that joins and leaves under load: nothing is lost, hardly anything is repeated, keys keep their order', async () => {
    const on = bench([url])
    const handled = new Map<number, number>()
    const order: Array<number> = []
    await on.serve(replica(on, handled, order, 1))
    const client = on.call()
    let stop = false
    let sent = 0
    const confirmed: Array<number> = []
    const load = (async () => {
      while (!stop) {
        await Promise.all(
          Array.from({ length: 10 }, async () => {
            const n = sent++
            const result = await client.emit('number', n, { key: String(n % 10) })()
            if (result._tag === 'Right') confirmed.push(n)
          }),
        )
        await pause(5)
      }
    })()
    for (let round = 0; round < 3; round++) {
      const second = await on.serve(replica(on, handled, order, 1))
      await pause(500)
      await second.stop()
      await pause(300)
    }
    stop = true
    await load
    await until(
      () => `all are handled (${handled.size} of ${confirmed.length})`,
      () => confirmed.every((n) => handled.has(n)),
    )
    expect(confirmed.length).toBe(sent)
    const repeated = [...handled.values()].reduce((sum, count) => sum + count - 1, 0)
    expect(repeated).toBeLessThan(sent / 20)
    const last = new Map<number, number>()
    const seen = new Set<number>()
    for (const n of order) {
      // n.b. what is repeated is repeated in order as well
      if (seen.has(n)) continue
      seen.add(n)
      expect(n).toBeGreaterThan(last.get(n % 10) ?? -1)
      last.set(n % 10, n)
    }
  }, 120_000)

  test('a new version that hears one more event gets it while the old one still runs', async () => {
    const on = bench([url])
    const seen: Array<string> = []
    const heard = (name: string) => () => async () => {
      seen.push(name)
      return right
    }
    const options = { kafkajs: { consumer: { maxWaitTimeInMs: 50, heartbeatInterval: 200 } } }
    await on.serve(
      createMicroservice('deployed').transport(on.transport(options)).onEvent('old', t.unknown, heard('old by v1')),
    )
    await on.serve(
      createMicroservice('deployed')
        .transport(on.transport(options))
        .onEvent('old', t.unknown, heard('old by v2'))
        .onEvent('new', t.unknown, heard('new by v2')),
    )
    const client = on.call()
    for (let n = 0; n < 40; n++) expect((await client.emit('new', n)())._tag).toBe('Right')
    await until(
      () => `all of the new ones are handled (${seen.length})`,
      () => seen.filter((one) => one === 'new by v2').length === 40,
    )
    expect(seen).not.toContain('new by v1')
  }, 60_000)
})
