/** Redis Cluster: three nodes, each with a part of the keys. */
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice, deadLetters, delays, orThrow } from 'taskwire'
import { redis } from 'taskwire/redis'
import { expect, test } from 'vitest'
import { freePort } from '../../brokers/port.js'
import { withOwnBroker } from '../../brokers/suite.js'
import { caller, serve, until } from './support.js'

await withOwnBroker('redis', (start) => {
  const cluster = async () => {
    // n.b. the usual port of the bus, 10,000 above the other, may be taken by an outgoing connection
    const buses = await Promise.all(Array.from({ length: 3 }, freePort))
    const nodes = await Promise.all(
      buses.map((bus) =>
        start({ settings: { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000', 'cluster-port': `${bus}` } }),
      ),
    )
    for (const [i, node] of nodes.entries()) {
      const slots = [Math.ceil((16_384 / 3) * i), Math.ceil((16_384 / 3) * (i + 1)) - 1].map(String)
      await node.command('CLUSTER', 'ADDSLOTSRANGE', ...slots)
      await node.command('CLUSTER', 'MEET', nodes[0]!.host, `${nodes[0]!.port}`, `${buses[0]!}`)
    }
    for (const node of nodes)
      await until('the cluster is one', async () =>
        /cluster_state:ok[^]*cluster_known_nodes:3/.test(await node.command('CLUSTER', 'INFO')),
      )
    return nodes
  }

  test('events, retries, dead letters and requests work on whichever node they lie', { timeout: 120_000 }, async () => {
    const nodes = await cluster()
    const options = { cluster: { nodes: nodes.map(({ host, port }) => ({ host, port })) } }
    const patterns = Array.from({ length: 12 }, (_, i) => `pattern.${i}`)
    const seen: Array<string> = []
    const service = patterns.reduce<Parameters<typeof serve>[0]>(
      (so, pattern) => ({
        ...so,
        endpoints: [
          ...so.endpoints,
          ...createMicroservice('spread', {
            retry: delays(50),
            classify: (e) => (e === 'again' ? 'retryable' : 'permanent'),
          })
            .onEvent(pattern, t.string, (text, { attempt }) =>
              text === 'dies'
                ? TE.left('dead')
                : attempt === 1
                  ? TE.left('again')
                  : TE.fromIO(() => void seen.push(pattern)),
            )
            .onMessage(pattern, t.number, (n) => TE.right(n + 1)).endpoints,
        ],
      }),
      createMicroservice('spread'),
    )
    const running = await serve(service, options)
    expect(running.health().ready).toBe(true)
    const client = caller(options)
    for (const pattern of patterns) {
      expect(await client.send(pattern, 1, t.number)()).toEqual({ _tag: 'Right', right: 2 })
      for (const text of ['retried', 'dies'])
        expect(await client.emit(pattern, text)()).toMatchObject({ _tag: 'Right' })
    }
    await until('every retry is handled', () => seen.length === patterns.length)
    expect([...seen].sort()).toEqual([...patterns].sort())
    for (const pattern of patterns)
      await until(`the dead letter of ${pattern}`, async () => {
        const lengths = await Promise.all(
          nodes.map((node) => node.command('XLEN', `{${pattern}}:spread:dlq`).catch(() => 'MOVED')),
        )
        return lengths.some((length) => length.trim() === '1')
      })
    const letters = deadLetters({ ...service, transports: [redis(options)] }, { log: false })
    const found = (replays: number) =>
      orThrow(letters.list({ where: (letter) => letter.replays === replays })).then((all) =>
        all.map(({ pattern }) => pattern).sort(),
      )
    expect(await found(0)).toEqual([...patterns].sort())
    expect(await orThrow(letters.redrive())).toMatchObject({ redriven: patterns.length, refused: 0 })
    await until('they are put back and set aside again', async () => (await found(1)).length === patterns.length)
    expect(await found(0)).toEqual([])
    expect(await client.send('nobody', 1, t.unknown)()).toMatchObject({ left: { _tag: 'NoHandler' } })

    seen.length = 0
    await nodes[1]!.restart()
    for (const pattern of patterns) {
      expect(await client.emit(pattern, 'retried', { timeout: 30_000 })()).toMatchObject({ _tag: 'Right' })
      expect(await client.send(pattern, 1, t.number, { timeout: 30_000, idempotent: true })()).toMatchObject({
        right: 2,
      })
    }
    await until(
      'every retry is handled after the restart of a node',
      () => new Set(seen).size === patterns.length,
      30_000,
    )
  })
})
