/** A broker that dies and comes back, and processes that do not come back. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as t from 'io-ts'
import { createMicroservice } from 'taskwire'
import { expect, test } from 'vitest'
import { withBroker, withOwnBroker } from '../../brokers/suite.js'
import { benches, pause, until } from './support.js'

const right = { _tag: 'Right', right: undefined } as const

await withOwnBroker('kafka', (start) => {
  const bench = benches()

  test('2,000 events over a restart of the broker: none that was accepted is lost, and all resumes by itself', async () => {
    const broker = await start()
    const { transport, serve, call } = bench([broker.url])
    const handled = new Map<number, number>()
    const confirmed: Array<number> = []
    const running = await serve(
      createMicroservice('restarted')
        .transport(transport())
        .onEvent('number', t.number, (n) => async () => {
          handled.set(n, (handled.get(n) ?? 0) + 1)
          return right
        })
        .onMessage('double', t.number, (n) => async () => ({ _tag: 'Right', right: 2 * n }) as const),
    )
    const states: Array<string> = []
    running.status$.subscribe(({ status }) => states.push(status))
    const client = call()
    expect(await client.send('double', 2, t.number)()).toEqual({ _tag: 'Right', right: 4 })

    let restarted: Promise<void> | undefined
    for (let n = 0; n < 2_000; n += 50) {
      if (n === 700) {
        restarted = broker.kill().then(async () => {
          const killed = performance.now()
          await until(
            () => 'readiness is false within 5 s',
            () => !running.health().ready,
          )
          expect(performance.now() - killed).toBeLessThan(10 * 5_000)
          await broker.restart()
        })
        await pause(50)
      }
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const result = await client.emit('number', n + i, { timeout: 90_000, key: String(i % 7) })()
          if (result._tag === 'Right') confirmed.push(n + i)
        }),
      )
    }
    await restarted
    expect(confirmed.length).toBe(2_000)
    await until(
      () => `all are handled (${handled.size} of ${confirmed.length})`,
      () => confirmed.every((n) => handled.has(n)),
      90_000,
    )
    await until(
      () => 'readiness is true again',
      () => running.health().ready,
    )
    expect(states).toContain('lost')
    expect(await client.send('double', 4, t.number, { timeout: 60_000, idempotent: true })()).toEqual({
      _tag: 'Right',
      right: 8,
    })
  }, 240_000)

  test('a service and a client that start before their broker wait for it', async () => {
    const broker = await start()
    await broker.kill()
    const { transport, serve, call } = bench([broker.url])
    const seen: Array<number> = []
    const serving = serve(
      createMicroservice('early')
        .transport(transport())
        .onEvent('number', t.number, (n) => async () => {
          seen.push(n)
          return right
        }),
      { startTimeout: 120_000 },
    )
    const client = call()
    const warm = await client.connect()
    expect(warm).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
    const emitted = client.emit('number', 1, { timeout: 120_000 })()
    await broker.restart()
    await serving
    expect(await emitted).toEqual({ _tag: 'Right', right: undefined })
    const again = await client.emit('number', 2, { timeout: 60_000 })()
    expect(again).toEqual({ _tag: 'Right', right: undefined })
    await until(
      () => `what is emitted once it runs arrives (${seen.join()})`,
      () => seen.includes(2),
    )
  }, 240_000)
})

await withBroker('kafka', (url) => {
  const bench = benches()

  test('an event whose process is killed while its handler runs goes to another replica', async () => {
    const { prefix, transport, serve, call } = bench([url])
    const victim = fork(fileURLToPath(new URL('victim.ts', import.meta.url)), [url, prefix], {
      execArgv: ['--import', 'tsx'],
    })
    const says = async (word: string): Promise<void> => {
      for (;;) {
        const [said] = (await once(victim, 'message')) as [unknown]
        if (said === word) return
      }
    }
    await says('ready')
    const started = says('started')
    expect(await call().emit('work', 1)()).toEqual({ _tag: 'Right', right: undefined })
    await started
    const ended = once(victim, 'exit')
    victim.kill('SIGKILL')
    await ended
    const attempts: Array<number> = []
    await serve(
      createMicroservice('mortal')
        .transport(transport())
        .onEvent('work', t.number, (_, { attempt }) => async () => {
          attempts.push(attempt)
          return right
        }),
      { startTimeout: 60_000 },
    )
    await until(
      () => 'the other replica handles it',
      () => attempts.length > 0,
      60_000,
    )
    expect(attempts).toEqual([1])
  }, 120_000)
})
