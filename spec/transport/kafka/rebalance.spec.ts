/** Replicas that come and go. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
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

  test('a replica that was frozen for longer than its session does not move the position of its successor', async () => {
    const { prefix, transport, serve, call, outside } = bench([url])
    const at = await outside()
    const victim = fork(fileURLToPath(new URL('victim.ts', import.meta.url)), [url, prefix, '20'], {
      execArgv: ['--import', 'tsx'],
    })
    const said: Array<unknown> = []
    victim.on('message', (word) => said.push(word))
    await until(
      () => 'the first replica is ready',
      () => said.includes('ready'),
    )
    const client = call()
    await Promise.all(Array.from({ length: 300 }, (_, n) => client.emit('work', n, { key: 'k' })()))
    await until(
      () => 'the first replica has begun',
      () => said.length > 20,
    )
    victim.kill('SIGSTOP')
    const handled = new Set<number>()
    await serve(
      createMicroservice('mortal')
        .transport(transport({ kafkajs: { consumer: { maxWaitTimeInMs: 50, heartbeatInterval: 300 } } }))
        .onEvent('work', t.number, (n) => async () => {
          await pause(5)
          handled.add(n)
          return right
        }),
      { startTimeout: 60_000 },
    )
    await until(
      () => `the second replica has got ahead (${handled.size})`,
      () => handled.size > 50,
    )
    victim.kill('SIGCONT')
    const positions: Array<number> = []
    const look = async (): Promise<number> => {
      const [found] = await at.admin.fetchOffsets({ groupId: `${prefix}mortal`, topics: [`${prefix}work`] })
      return positions.push(Math.max(...(found?.partitions ?? []).map(({ offset }) => Number(offset))))
    }
    await until(
      () => `everything is committed (${positions.at(-1)})`,
      async () => {
        await look()
        return positions.at(-1) === 300
      },
    )
    // n.b. the frozen one has woken up, and its commits would be here by now
    await pause(1_500)
    await look()
    const ended = once(victim, 'exit')
    victim.kill('SIGKILL')
    await ended
    expect(positions).toEqual([...positions].sort((a, b) => a - b))
    expect(positions.at(-1)).toBe(300)
  }, 120_000)
})
