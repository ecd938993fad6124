/** The main example as a user runs it: two processes, real sockets, nothing left behind. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createClient, listen, orThrow } from 'taskwire'
import { memory } from 'taskwire/memory'
import { describe, expect, test } from 'vitest'
import { ask, importUsers } from '../../examples/users/gateway.js'
import { inMemory } from '../../examples/users/repository.js'
import { users } from '../../examples/users/service.js'
import { withBroker } from '../brokers/suite.js'
import { gone, program, type Ended } from './processes.js'

/** Runs the example; `onReady` is called once, with the process ids of the service and of the gateway. */
const example = async (
  args: ReadonlyArray<string>,
  onReady: (service: number, gateway: number) => void = () => undefined,
  env: NodeJS.ProcessEnv = {},
): Promise<Ended & { readonly service: number }> => {
  const gateway = program('users/main.ts', args, env)
  const service = Number((await gateway.prints(/\[users\] process (\d+) listens/))[1])
  onReady(service, gateway.pid)
  return { ...(await gateway.ended), service }
}

const verdict = (out: ReadonlyArray<string>, line: number): string | undefined =>
  out.find((one) => one.startsWith(`line ${String(line).padStart(2)}  `))?.slice(9)

describe('the users example', () => {
  test('emits the good records, says why the others were refused, asks, and stops its service', async () => {
    const { code, out, err, service } = await example([])
    expect(err).toEqual([])
    expect(code).toBe(0)
    expect(verdict(out, 1)).toBe('accepted  u-1001')
    expect(verdict(out, 6)).toBe('refused  InvalidPayload: email should be an email address')
    expect(verdict(out, 9)).toBe('refused  InvalidPayload: role should be admin, editor or viewer')
    expect(verdict(out, 12)).toBe('skipped  not JSON')
    expect(verdict(out, 15)).toBe('skipped  an empty line')
    expect(verdict(out, 18)).toBe('refused  InvalidPayload: id should be an id like u-1001')
    expect(verdict(out, 20)).toBe('refused  InvalidPayload: joined should be a day like 2024-05-17')
    expect(verdict(out, 34)).toMatch(/name should be .*, email should be .*, role should be .*, joined should be /)
    expect(out).toContain('[users] user.created Dropped: {"_tag":"AlreadyExists","id":"u-1002"}')
    const replies = out.filter((line) => line.startsWith('users.get'))
    expect(replies[0]).toContain('"email":"ada.okafor@example.com"')
    expect(replies[1]).toContain('"id":"u-1024"')
    expect(replies[1]).not.toContain('passwordHash')
    expect(replies[2]).toBe('users.get u-9999  NotFound: there is no user u-9999')
    expect(out.slice(-2)).toEqual([
      '[users] stopped with 25 users',
      '41 lines: 26 accepted, 11 refused by the service, 4 skipped as no JSON',
    ])
    expect(await gone(service)).toBe(true)
  }, 60_000)

  test('takes the transport as an argument, and refuses one it does not have', async () => {
    expect(await program('users/main.ts', ['--transport', 'pigeon']).ended).toEqual({
      code: 1,
      out: [],
      err: ['the example failed: no transport "pigeon"; there is tcp, redis, amqp, kafka'],
    })
    expect((await example(['--transport', 'tcp'])).code).toBe(0)
  }, 60_000)

  test('fails with one line when the service dies under it, and leaves nothing running', async () => {
    const { code, err, service } = await example([], (pid) => process.kill(pid, 'SIGKILL'))
    expect(code).toBe(1)
    expect(err).toHaveLength(1)
    expect(err[0]).toMatch(/^the example failed: /)
    expect(await gone(service)).toBe(true)
  }, 60_000)

  test('leaves no service behind when the gateway is killed', async () => {
    const { service } = await example([], (_, gateway) => process.kill(gateway, 'SIGKILL'))
    expect(await gone(service)).toBe(true)
  }, 60_000)

  test('comes to the same verdicts in one process over memory', async () => {
    const bus = memory()
    const repository = inMemory()
    const running = await orThrow(listen(users(repository).transport(bus)))
    const client = createClient(bus)
    const records = await readFile(fileURLToPath(new URL('../../examples/users/users.jsonl', import.meta.url)), 'utf8')
    const said: Array<string> = []
    const verdicts = await importUsers(client, (line) => said.push(line), records.trimEnd().split('\n'))()
    expect(verdicts).toMatchObject({ _tag: 'Right' })
    expect(repository.size()).toBe(25)
    expect(await ask(client)('u-1001')()).toMatchObject({ _tag: 'Right' })
    await client.close()
    await running.stop()
  })
})

// The same service through a broker: what it cannot read is accepted, and set aside by the service.
const throughBroker = async (kind: string, env: NodeJS.ProcessEnv): Promise<ReadonlyArray<string>> => {
  const { code, out, err, service } = await example(['--transport', kind], undefined, env)
  expect(err).toEqual([])
  expect(code).toBe(0)
  expect(verdict(out, 1)).toBe('accepted  u-1001')
  expect(verdict(out, 6)).toBe('accepted  u-1006')
  expect(verdict(out, 12)).toBe('skipped  not JSON')
  expect(out).toContain('[users] user.created DeadLetter: email should be an email address')
  expect(out).toContain('[users] user.created DeadLetter: {"_tag":"AlreadyExists","id":"u-1002"}')
  const replies = out.filter((line) => line.startsWith('users.get'))
  expect(replies[0]).toContain('"email":"ada.okafor@example.com"')
  expect(replies[1]).toContain('"id":"u-1024"')
  expect(replies[2]).toBe('users.get u-9999  NotFound: there is no user u-9999')
  expect(out.at(-1)).toBe('41 lines: 37 accepted, 0 refused by the service, 4 skipped as no JSON')
  expect(await gone(service)).toBe(true)
  return out
}

await withBroker('redis', () => {
  test('the users example starts a Redis where none is given', async () => {
    const out = await throughBroker('redis', { REDIS_URL: undefined })
    expect(out[0]).toMatch(/^no REDIS_URL is set: started a broker at 127\.0\.0\.1:\d+$/)
  }, 120_000)
})
await withBroker('amqp', (url) => {
  test('the users example runs through RabbitMQ', () => throughBroker('amqp', { AMQP_URL: url }), 120_000)
})
await withBroker('kafka', (url) => {
  test('the users example runs through Kafka', () => throughBroker('kafka', { KAFKA_BROKERS: url }), 120_000)
})
