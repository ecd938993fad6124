/** What happens when the broker, the network or a replica fails. */
import { pathToFileURL } from 'node:url'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createMicroservice, listen } from 'taskwire'
import { amqp } from 'taskwire/amqp'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import type { Broker } from '../../brokers/broker.js'
import { start as startProcess } from '../../brokers/child.js'
import { faultProxy } from '../../brokers/proxy.js'
import { withOwnBroker } from '../../brokers/suite.js'
import { tlsFiles } from '../../brokers/tls-files.js'
import { server as certificate } from '../tcp/certificates.js'
import { place, right, until } from './support.js'

const patience = 120_000

await withOwnBroker('amqp', (startBroker) => {
  let broker: Broker
  beforeAll(async () => {
    broker = await startBroker()
  }, patience)

  test(
    'nothing that was confirmed is lost when the broker is stopped, or killed amid 2,000 events',
    async () => {
      const { caller, serve } = await place(broker.url)
      const handled = new Map<number, number>()
      const running = await serve(
        createMicroservice('surviving')
          .onEvent('work', t.number, (n) => TE.fromIO(() => void handled.set(n, (handled.get(n) ?? 0) + 1)))
          .onMessage('ask', t.number, (n) => TE.right(n), { reply: t.number }),
      )
      const states: Array<string> = []
      running.status$.subscribe(({ status }) => states.push(status))
      // n.b. RabbitMQ 3.10 writes down that there is a quorum queue when it stops: one that is younger does not outlive a
      // SIGKILL. So an orderly restart comes first, which is a test of its own.
      await broker.terminate()
      await until('readiness is false', () => !running.health().ready, 5_000)
      await broker.restart()
      await until('readiness is back', () => running.health().ready, 60_000)
      const client = caller()
      const total = 2_000
      const confirmed: Array<number> = []
      let next = 0
      const lane = async (): Promise<void> => {
        while (next < total) {
          const n = next++
          const result = await client.emit('work', n, { timeout: 90_000 })()
          if (E.isRight(result)) confirmed.push(n)
        }
      }
      const loaded = Promise.all(Array.from({ length: 50 }, lane))
      await until('a third is confirmed', () => confirmed.length > total / 3)
      const killedAt = Date.now()
      const asked = client.send('ask', 1, t.number, { timeout: 60_000 })()
      await broker.kill()
      await until('readiness is false', () => !running.health().ready, 5_000)
      expect(Date.now() - killedAt).toBeLessThan(10_000)
      expect(states).toContain('lost')
      const settled = await asked
      if (E.isLeft(settled)) expect(settled.left._tag).toBe('Disconnected')
      await broker.restart()
      await loaded
      expect(confirmed.length).toBe(total)
      await until('all are handled', () => handled.size === total, 60_000)
      await until('readiness is true', () => running.health().ready)
      expect(right(await client.send('ask', 7, t.number)())).toBe(7)
    },
    patience,
  )

  test(
    'while the broker is short of memory calls wait and end typed, and handlers go on; then everything flows again',
    async () => {
      const { caller, serve, logged } = await place(broker.url)
      const handled: Array<number> = []
      let open = (): void => undefined
      const door = new Promise<void>((resolve) => {
        open = resolve
      })
      const running = await serve(
        createMicroservice('short').onEvent(
          'work',
          t.number,
          (n) => async () => {
            handled.push(n)
            if (n === 0) await door
            return E.right(undefined)
          },
          { concurrency: 1 },
        ),
      )
      const client = caller()
      for (const n of [0, 1, 2]) right(await client.emit('work', n)())
      await until('the first is handled', () => handled.length === 1)
      await broker.command('set_vm_memory_high_watermark', 'absolute', '1MB')
      onTestFinished(async () => {
        await broker.command('set_vm_memory_high_watermark', 'absolute', '512MB')
      })
      const results = [
        await client.emit('work', 3, { timeout: 1_000 })(),
        await client.emit('work', 4, { timeout: 1_000 })(),
        await client.send('ask', 4, t.unknown, { timeout: 1_000 })(),
      ].map((one) => (E.isLeft(one) ? one.left._tag : 'Right'))
      expect(results[0]).toBe('OutcomeUnknown')
      expect(['OutcomeUnknown', 'TimeoutError']).toContain(results[1])
      expect(results[2]).toBe('TimeoutError')
      expect(logged.join('\n')).toContain('the broker takes no messages now')
      open()
      await until('what is there is handled meanwhile', () => handled.includes(2))
      expect(running.health().ready).toBe(true)
      const waiting = client.emit('work', 9, { timeout: 30_000 })()
      await broker.command('set_vm_memory_high_watermark', 'absolute', '512MB')
      right(await waiting)
      await until('it is handled', () => handled.includes(9))
    },
    patience,
  )

  test(
    'a black hole is noticed within two heartbeats, what is pending ends, and all goes on when it does',
    async () => {
      const proxy = await faultProxy({ port: broker.port })
      onTestFinished(() => proxy.close())
      const url = `amqp://guest:guest@${proxy.host}:${proxy.port}?heartbeat=2`
      const { prefix } = await place(broker.url)
      const transport = () => amqp({ url, prefix })
      const handled: Array<number> = []
      const service = createMicroservice('hole')
        .transport(transport())
        .onEvent('work', t.number, (n) => TE.fromIO(() => void handled.push(n)))
        .onMessage('never', t.unknown, () => () => new Promise<never>(() => undefined))
      const running = right(await listen(service, { log: false, drainTimeout: 50, abortGrace: 50 })())
      const client = createClient(transport())
      onTestFinished(async () => {
        await client.close()
        await running.stop()
      })
      right(await client.emit('work', 1)())
      const pending = client.send('never', 1, t.unknown, { timeout: 60_000 })()
      await until('the first is handled', () => handled.length === 1)
      const began = Date.now()
      proxy.hold()
      await until('readiness is false', () => !running.health().ready)
      // n.b. two heartbeats, and what a busy machine adds
      expect(Date.now() - began).toBeLessThan(4_000 + 4_000)
      expect(await pending).toMatchObject({ _tag: 'Left', left: { _tag: 'Disconnected', maybeProcessed: true } })
      await proxy.heal()
      await until('readiness is back', () => running.health().ready, 60_000)
      right(await client.emit('work', 2, { timeout: 60_000 })())
      await until('the next is handled', () => handled.includes(2))
    },
    patience,
  )

  test(
    'closing in a black hole ends within a few seconds',
    async () => {
      const proxy = await faultProxy({ port: broker.port })
      onTestFinished(() => proxy.close())
      const client = createClient(amqp({ url: `amqp://guest:guest@${proxy.host}:${proxy.port}` }))
      right(await client.emit('x', 1)())
      proxy.hold()
      const began = Date.now()
      await client.close()
      expect(Date.now() - began).toBeLessThan(10_000)
      const late = createClient(amqp({ url: `amqp://guest:guest@${proxy.host}:${proxy.port}` }))
      const emitted = late.emit('x', 1, { timeout: 50 })()
      await emitted
      const then = Date.now()
      await late.close()
      expect(Date.now() - then).toBeLessThan(5_000)
    },
    patience,
  )

  test(
    'a queue that does not answer is waited for, and the log says so',
    async () => {
      const { attempt, caller, serve, prefix, logged } = await place(broker.url)
      const handled: Array<number> = []
      const service = createMicroservice('mute').onEvent('work', t.number, (n) => TE.fromIO(() => void handled.push(n)))
      await (await serve(service)).stop()
      const queue = `{'%2F_${prefix}taskwire.event:mute:work', node()}`
      await broker.command('eval', `sys:suspend(${queue}).`)
      let started = false
      const starting = attempt(service, { startTimeout: 100_000 }).finally(() => (started = true))
      await until('it is told', () => logged.some((line) => line.includes('does not answer')), 60_000)
      expect(started).toBe(false)
      await broker.command('eval', `sys:resume(${queue}).`)
      expect(right(await starting).health().ready).toBe(true)
      right(await caller().emit('work', 1)())
      await until('it is handled', () => handled.length === 1)
    },
    patience,
  )

  test(
    'an event whose replica is killed goes to another one, as its second attempt',
    async () => {
      const { caller, serve, prefix, aside } = await place(broker.url)
      const index = (path: string): string => pathToFileURL(`${process.cwd()}/lib/${path}`).href
      const program = `
        import * as t from 'io-ts'
        import { createMicroservice, listen } from '${index('index.ts')}'
        import { amqp } from '${index('transport/amqp/index.ts')}'
        const service = createMicroservice('mortal')
          .transport(amqp({ url: '${broker.url}', prefix: '${prefix}' }))
          .onEvent('work', t.number, () => () => { console.log('started'); return new Promise(() => {}) })
        const result = await listen(service)()
        console.log(result._tag)`
      const child = startProcess({
        file: process.execPath,
        args: ['--import', 'tsx', '--input-type=module', '-e', program],
      })
      await until('it listens', () => child.output().includes('Right'), 60_000)
      const client = caller()
      right(await client.emit('work', 1)())
      await until('its handler runs', () => child.output().includes('started'))
      const attempts: Array<number> = []
      await serve(
        createMicroservice('mortal').onEvent('work', t.number, (_, { attempt }) =>
          TE.fromIO(() => void attempts.push(attempt)),
        ),
      )
      child.signal('SIGKILL')
      await child.ended
      await until('another replica handles it', () => attempts.length === 1)
      expect(attempts).toEqual([2])
      await aside((channel) => channel.checkQueue(`${prefix}taskwire.event:mortal:work`))
    },
    patience,
  )

  test(
    'an event that nobody ever settles is set aside after twenty more deliveries',
    async () => {
      const { aside, caller, serve, prefix } = await place(broker.url)
      const running = await serve(createMicroservice('deadly').onEvent('kill', t.number, () => TE.right(undefined)))
      await running.stop()
      right(await caller().emit('kill', 1)())
      const queue = `${prefix}taskwire.event:deadly:kill`
      let deliveries = 0
      for (let round = 0; round < 40; round++) {
        const message = await aside((channel) => channel.get(queue))
        if (message !== false) deliveries += 1
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      expect(deliveries).toBe(21)
      const { messageCount } = await aside((channel) => channel.checkQueue(`${queue}:dead`))
      expect(messageCount).toBe(1)
    },
    patience,
  )

  test(
    'over TLS, with the certificate authority that the options name and none else',
    async () => {
      const { url } = await startBroker({ tls: tlsFiles(certificate) })
      const client = createClient(amqp({ url, amqplib: { ca: [certificate.cert] } }))
      right(await client.emit('x', 1)())
      await client.close()
      const strict = createClient(amqp({ url }))
      expect(await strict.connect()).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
      await strict.close()
    },
    patience,
  )
})
