/** A service says so when it cannot go on, keeps what it has, and goes on by itself once it can. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { createMicroservice, delays, orThrow } from 'taskwire'
import type { Subject } from 'taskwire/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { stage, token } from '../../lib/testing/conformance/stage.js'
import { withBroker } from '../brokers/suite.js'
import { amqpSubject } from '../transport/amqp/subject.js'
import { kafkaSubject } from '../transport/kafka/subject.js'
import { redisSubject } from '../transport/redis/subject.js'
import { memorySubject, tcpSubject } from './subjects.js'

const total = 200

const specs = (given: Subject): void => {
  const subject: Subject = { ...given, patience: 60_000 }

  test(`on ${subject.name}: is paused while what its handler needs is down, sets nothing aside, and handles all afterwards`, async () => {
    const { stage: on, leave } = await stage(subject)
    onTestFinished(leave)
    const { call, serve, until, letters } = on
    const handled = new Map<number, number>()
    let down = true
    let starts = 0
    const definition = createMicroservice('paused', { retry: delays(200, 200, 200, 200) }).onEvent(
      'e',
      t.number,
      (n) => () => {
        starts += 1
        if (down) return Promise.reject(new Error('the database is down'))
        handled.set(n, (handled.get(n) ?? 0) + 1)
        return Promise.resolve(E.right(undefined))
      },
    )
    const lying = async () => (subject.capabilities.deadLetter ? orThrow(letters(definition).list()) : [])
    const running = await serve(definition)
    const status = () => running.health().transports[token]
    const client = call([running])
    const results = await Promise.all(Array.from({ length: total }, (_, n) => client.emit('e', n)()))
    expect(results.filter(E.isLeft)).toEqual([])
    await until(
      () => `the subscription is paused (${status()} after ${starts} starts)`,
      () => status() === 'paused',
    )
    expect(running.health().ready).toBe(false)
    const before = starts
    // n.b. at 1 s and at 3 s; five starts of one event would be a dead letter
    await until(
      () => `two probes are made (${starts - before})`,
      () => starts >= before + 2,
    )
    expect(starts).toBeLessThanOrEqual(20 + 31 + 2)
    expect(await lying()).toEqual([])
    down = false
    await until(
      () => `all are handled (${handled.size} of ${total}, ${status()})`,
      () => handled.size === total && running.health().ready,
    )
    expect([...handled.values()].filter((times) => times !== 1)).toEqual([])
    expect(await lying()).toEqual([])
  }, 120_000)

  if (!subject.capabilities.deadLetter) return

  test(`on ${subject.name}: is stalled while no dead letter can be written, and ready again afterwards`, async () => {
    const { stage: on, leave } = await stage(subject)
    onTestFinished(leave)
    const { call, serve, until, world, letters } = on
    const definition = createMicroservice('stalled').onEvent('e', t.number, () => async () => E.left('no'))
    const running = await serve(definition)
    const status = () => running.health().transports[token]
    const client = call([running])
    const mend = await world.breakDeadLetters!()
    expect(await client.emit('e', 1)()).toEqual(E.right(undefined))
    await until(
      () => `the service is stalled (${status()})`,
      () => status() === 'stalled',
    )
    expect(running.health().ready).toBe(false)
    await mend()
    await until(
      () => `the service is ready again (${status()})`,
      () => running.health().ready,
    )
    expect(await orThrow(letters(definition).list())).toHaveLength(1)
  }, 120_000)
}

describe('a service', async () => {
  specs(memorySubject)
  specs(tcpSubject)
  await withBroker('redis', (url) => specs(redisSubject(url)))
  await withBroker('amqp', (url) => specs(amqpSubject(url)))
  await withBroker('kafka', (url) => specs(kafkaSubject(url.split(','))))
})
