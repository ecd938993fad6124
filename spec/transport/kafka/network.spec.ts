/** Networks that lose what is sent, in either direction. */
import * as t from 'io-ts'
import { createMicroservice } from 'taskwire'
import { expect, test } from 'vitest'
import { freePort } from '../../brokers/port.js'
import { faultProxy } from '../../brokers/proxy.js'
import { withOwnBroker } from '../../brokers/suite.js'
import { benches, pause, until } from './support.js'

const right = { _tag: 'Right', right: undefined } as const

await withOwnBroker('kafka', (start) => {
  const bench = benches()

  test('a black hole is noticed, calls end with their deadlines, and all resumes when it is over', async () => {
    const port = await freePort()
    const proxy = await faultProxy({ port })
    const broker = await start({ port, advertised: proxy.port })
    const { transport, serve, call } = bench([`${proxy.host}:${proxy.port}`])
    const seen = new Map<number, number>()
    const running = await serve(
      createMicroservice('dark')
        .transport(transport())
        .onEvent('number', t.number, (n) => async () => {
          seen.set(n, (seen.get(n) ?? 0) + 1)
          return right
        })
        .onMessage('echo', t.number, (n) => async () => ({ _tag: 'Right', right: n }) as const),
    )
    const client = call()
    expect(await client.send('echo', 1, t.number)()).toEqual({ _tag: 'Right', right: 1 })
    expect((await client.emit('number', 1)())._tag).toBe('Right')

    proxy.hold()
    const began = performance.now()
    const lost = client.emit('number', 2, { timeout: 1_000 })()
    const asked = client.send('echo', 2, t.number, { timeout: 1_000 })()
    const patient = client.emit('number', 3, { timeout: 60_000 })()
    expect(await lost).toMatchObject({ _tag: 'Left' })
    expect(await asked).toMatchObject({ _tag: 'Left', left: { _tag: 'TimeoutError' } })
    expect(performance.now() - began).toBeLessThan(10 * 1_000)
    await until(
      () => 'the black hole is noticed',
      () => !running.health().ready,
    )
    await pause(3_000)
    await proxy.heal()
    expect(await patient).toEqual({ _tag: 'Right', right: undefined })
    await until(
      () => 'readiness is true again',
      () => running.health().ready,
    )
    await until(
      () => 'what was accepted is handled',
      () => seen.has(3),
    )
    expect(await client.send('echo', 4, t.number, { timeout: 30_000, idempotent: true })()).toEqual({
      _tag: 'Right',
      right: 4,
    })
    // A connection that is reset now and then loses nothing either.
    const confirmed: Array<number> = []
    for (let n = 100; n < 400; n++) {
      if (n % 60 === 0) proxy.reset()
      if ((await client.emit('number', n, { timeout: 30_000 })())._tag === 'Right') confirmed.push(n)
    }
    expect(confirmed.length).toBe(300)
    await until(
      () => `all are handled (${seen.size})`,
      () => confirmed.every((n) => seen.has(n)),
    )
    await client.close()
    await running.stop()
    await broker.stop()
    await proxy.close()
  }, 180_000)

  test('stopping while the broker does not answer is bounded, and leaves nothing', async () => {
    const broker = await start()
    const { transport, serve, call } = bench([broker.url])
    const running = await serve(
      createMicroservice('frozen')
        .transport(transport())
        .onEvent('number', t.number, () => async () => right)
        .onMessage('echo', t.number, (n) => async () => ({ _tag: 'Right', right: n }) as const),
    )
    const client = call()
    expect(await client.send('echo', 1, t.number)()).toEqual({ _tag: 'Right', right: 1 })
    broker.freeze()
    const began = performance.now()
    await Promise.all([running.stop(), client.close()])
    expect(performance.now() - began).toBeLessThan(10 * 5_000)
    await until(
      () => process.getActiveResourcesInfo().join(),
      () => !process.getActiveResourcesInfo().some((name) => name.startsWith('TCP')),
    )
    broker.thaw()
    await broker.stop()
  }, 120_000)
})
