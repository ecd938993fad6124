/** A failover by Redis Sentinel: a master, a replica, and one sentinel that watches them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice } from 'taskwire'
import { expect, onTestFinished, test } from 'vitest'
import { start as spawned } from '../../brokers/child.js'
import { freePort, host } from '../../brokers/port.js'
import { withOwnBroker } from '../../brokers/suite.js'
import { caller, serve, until } from './support.js'

const watching = async (master: number): Promise<number> => {
  const folder = mkdtempSync(join(tmpdir(), 'taskwire-sentinel-'))
  const port = await freePort()
  const lines = [
    `port ${port}`,
    `bind ${host}`,
    `dir ${folder}`,
    `sentinel monitor main ${host} ${master} 1`,
    'sentinel down-after-milliseconds main 500',
    'sentinel failover-timeout main 3000',
  ]
  writeFileSync(join(folder, 'sentinel.conf'), `${lines.join('\n')}\n`)
  const child = spawned({ file: 'redis-server', args: [join(folder, 'sentinel.conf'), '--sentinel'] })
  onTestFinished(async () => {
    child.signal('SIGKILL')
    await child.ended
    rmSync(folder, { recursive: true, force: true })
  })
  return port
}

await withOwnBroker('redis', (start) => {
  test('after a failover everything goes on at the new master', { timeout: 120_000 }, async () => {
    const master = await start()
    const replica = await start({ settings: { replicaof: `${host} ${master.port}` } })
    await until('the replica follows', async () =>
      /master_link_status:up/.test(await replica.command('INFO', 'replication')),
    )
    const port = await watching(master.port)
    const sentinel = { host, port }
    const options = { ioredis: { sentinels: [sentinel], name: 'main' }, prefix: 'watched.' }
    const seen = new Set<number>()
    await until('the sentinel knows the replica', async () => {
      const client = caller(options)
      const connected = await client.connect()
      return connected._tag === 'Right'
    })
    const running = await serve(
      createMicroservice('watched')
        .onEvent('e', t.number, (n) => TE.fromIO(() => void seen.add(n)))
        .onMessage('m', t.number, (n) => TE.right(n + 1)),
      options,
    )
    const client = caller(options)
    expect(await client.emit('e', 1)()).toMatchObject({ _tag: 'Right' })
    await until('it is handled', () => seen.has(1))
    // n.b. a failover loses what the replica has not got yet; here it has everything
    await until('the replica has it', async () => (await replica.command('XLEN', 'watched.e')).trim() !== '')
    await master.kill()
    await until('readiness is false', () => !running.health().ready)
    for (const n of [2, 3, 4]) expect(await client.emit('e', n, { timeout: 60_000 })()).toMatchObject({ _tag: 'Right' })
    await until('all are handled', () => [2, 3, 4].every((n) => seen.has(n)), 60_000)
    await until('readiness is true', () => running.health().ready, 60_000)
    expect(await client.send('m', 1, t.number, { timeout: 30_000, idempotent: true })()).toMatchObject({ right: 2 })
    expect(await replica.command('ROLE')).toContain('master')
  })
})
