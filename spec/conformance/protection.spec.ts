/** A service says so when it cannot go on, keeps what it has, and goes on by itself once it can. */
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { createMicroservice } from 'taskwire'
import type { Subject } from 'taskwire/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { stage, token } from '../../lib/testing/conformance/stage.js'
import { withBroker } from '../brokers/suite.js'
import { amqpSubject } from '../transport/amqp/subject.js'
import { kafkaSubject } from '../transport/kafka/subject.js'
import { redisSubject } from '../transport/redis/subject.js'
import { memorySubject } from './subjects.js'

const specs = (given: Subject): void => {
  const subject: Subject = { ...given, patience: 60_000 }

  test(`on ${subject.name}: is stalled while no dead letter can be written, and ready again afterwards`, async () => {
    const { stage: on, leave } = await stage(subject)
    onTestFinished(leave)
    const { call, serve, until, world } = on
    const running = await serve(createMicroservice('stalled').onEvent('e', t.number, () => async () => E.left('no')))
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
    expect(await world.deadLetters!()).toHaveLength(1)
  }, 120_000)
}

describe('a service', async () => {
  specs(memorySubject)
  await withBroker('redis', (url) => specs(redisSubject(url)))
  await withBroker('amqp', (url) => specs(amqpSubject(url)))
  await withBroker('kafka', (url) => specs(kafkaSubject(url.split(','))))
})
