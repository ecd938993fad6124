import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { createClient, createClients, isClientError, message, orThrow, type Status } from 'taskwire'
import { virtualClock } from 'taskwire/testing'
import { describe, expect, test } from 'vitest'
import { fake } from '../runtime/support/fake.js'
import { turn } from '../runtime/support/stage.js'
import { accepted, caller, connected, failing, reply, soFar } from './support/caller.js'

const closed = E.left({ _tag: 'Closed' })

describe('connect', () => {
  test('connects ahead of the first call and warms what calls need; one connection in all', async () => {
    const { client, journal } = caller()
    expect(await client.connect()).toEqual(E.right(undefined))
    await Promise.all([client.connect(), client.connect()])
    expect(journal).toEqual(['connect', 'warm', 'warm', 'warm'])
  })

  test('shares the opening that is under way', async () => {
    const { client, journal } = caller()
    await Promise.all([client.connect(), client.connect(), soFar(client.emit('e', 1)())])
    expect(journal.filter((step) => step === 'connect')).toHaveLength(1)
  })
})

describe('close', () => {
  test('fails what is under way as Closed, and every later call without I/O; it leaves no timer', async () => {
    const { client, asked, journal, time } = await connected()
    const calls = [client.send('get', 1, t.string)(), client.emit('e', 1)()]
    await client.close()
    expect(await Promise.all(calls)).toEqual([closed, closed])
    expect(asked.every(({ cancelled }) => cancelled)).toBe(true)
    const before = asked.length
    expect(await client.send('get', 1, t.string)()).toEqual(closed)
    expect(await client.emit('e', 1)()).toEqual(closed)
    expect([asked.length, journal.at(-1), time.pending()]).toEqual([before, 'close', 0])
  })

  test('is idempotent', async () => {
    const { client, journal } = await connected()
    await Promise.all([client.close(), client.close()])
    await client.close()
    expect(journal.filter((step) => step === 'close')).toHaveLength(1)
  })

  test('of a client that never called opens nothing', async () => {
    const { client, journal } = caller()
    await client.close()
    expect(await client.connect()).toMatchObject({ left: { _tag: 'TransportFailed', message: 'the client is closed' } })
    expect(journal).toEqual([])
  })

  test('while it connects closes what comes of that', async () => {
    let open: () => void = () => undefined
    const { client, journal, asked } = caller({
      connect: () => new Promise((resolve) => (open = () => resolve(E.right(undefined)))),
    })
    const call = client.send('get', 1, t.string)()
    await turn()
    await client.close()
    expect(await call).toEqual(closed)
    open()
    await turn()
    expect([journal, asked.length]).toEqual([['connect', 'close'], 0])
  })

  test('ends the waiting before another attempt', async () => {
    const { client, last, time } = await connected()
    const call = client.send('get', 1, t.string)()
    last().answer(failing('no', 5_000))
    await client.close()
    expect([await call, time.pending()]).toEqual([closed, 0])
  })

  test('lets the transport flush first: what is accepted meanwhile was accepted', async () => {
    const one = await connected({ close: async () => one.asked[0]?.answer(accepted) })
    const call = one.client.emit('e', 1)()
    await one.client.close()
    expect(await call).toEqual(E.right(undefined))
  })
})

test('status$ tells the current status first, then every change, and completes with closed', async () => {
  const { client, status$ } = caller()
  const seen: Array<Status | 'complete'> = []
  client.status$.subscribe({ next: (status) => seen.push(status), complete: () => seen.push('complete') })
  await client.connect()
  status$.next('lost')
  status$.next('ready')
  await client.close()
  expect(seen.filter((status, i) => status !== seen[i - 1])).toEqual([
    'connecting',
    'ready',
    'lost',
    'ready',
    'closed',
    'complete',
  ])
})

describe('sendAsObservable', () => {
  const Get = message('get', { request: t.number, reply: t.string })

  test('sends for each subscription, emits the reply and completes', async () => {
    const { client, asked } = await connected()
    const seen: Array<unknown> = []
    const get$ = client.sendAsObservable(Get, 1)
    expect(asked).toHaveLength(0)
    for (let i = 0; i < 2; i++) get$.subscribe({ next: (value) => seen.push(value), complete: () => seen.push('done') })
    asked.forEach(({ answer }, i) => answer(reply(`value ${i}`)))
    expect(seen).toEqual(['value 0', 'done', 'value 1', 'done'])
  })

  test('also where the answer comes within the call', async () => {
    const { client } = await connected({ reply: () => reply('at once') })
    const seen: Array<unknown> = []
    client.sendAsObservable('get', 1, t.string).subscribe({
      next: (value) => seen.push(value),
      complete: () => seen.push('done'),
    })
    expect(seen).toEqual(['at once', 'done'])
  })

  test('fails with a ClientError value', async () => {
    const { client, last } = await connected()
    const errors: Array<unknown> = []
    const listen = (): void => {
      client.sendAsObservable(Get, 1).subscribe({ error: (error: unknown) => errors.push(error) })
    }
    listen()
    last().answer(reply('declared', 'error'))
    listen()
    last().answer(failing('yes', undefined))
    client.sendAsObservable('user.*', 1, t.string).subscribe({ error: (error: unknown) => errors.push(error) })
    expect(errors).toMatchObject([
      { _tag: 'HandlerFailed', error: 'declared' },
      { _tag: 'Overloaded' },
      { _tag: 'InvalidPayload' },
    ])
    expect(errors.every(isClientError)).toBe(true)
    for (const other of [undefined, null, 'Closed', new Error('Closed'), { _tag: 'Other' }, { _tag: 1 }])
      expect(isClientError(other)).toBe(false)
  })

  test('is cancelled by unsubscribing: the transport is told, and nothing is said any more', async () => {
    const { client, last, time } = await connected()
    const seen: Array<unknown> = []
    const subscription = client.sendAsObservable(Get, 1).subscribe({
      next: (value) => seen.push(value),
      error: (error: unknown) => seen.push(error),
      complete: () => seen.push('done'),
    })
    subscription.unsubscribe()
    expect(last().cancelled).toBe(true)
    last().answer(reply('late'))
    await time.advance(20_000)
    expect([seen, time.pending()]).toEqual([[], 0])
  })

  test('can be cancelled while it connects, and while it waits for another attempt', async () => {
    for (const options of [
      { connect: () => new Promise<never>(() => undefined) },
      { reply: () => failing('no', 100) },
    ]) {
      const { client, asked, time } = caller(options)
      const subscription = client.sendAsObservable(Get, 1).subscribe()
      await turn()
      const before = asked.length
      subscription.unsubscribe()
      await time.advance(20_000)
      expect([asked.length, time.pending()]).toEqual([before, 0])
    }
  })
})

describe('createClients', () => {
  test('gives each transport the key as its token, and each its own connection', async () => {
    const [a, b] = [fake({ name: 'x', problems: [{ option: 'port', expected: 'a port' }] }), fake({ name: 'y' })]
    const clients = createClients({ main: a.transport, audit: b.transport }, { name: 'program' })
    expect(await clients.main.emit('e', 1)()).toMatchObject({ left: { _tag: 'TransportFailed', name: 'main' } })
    void clients.audit.emit('e', 1)()
    await turn()
    expect([a.journal, b.journal]).toEqual([[], ['connect']])
    expect(b.environment().group).toBe('program')
  })

  test('connects all, or answers with the first trouble', async () => {
    const failed = { _tag: 'TransportFailed', name: 'b', message: 'absent', cause: undefined } as const
    const [a, b] = [fake(), fake({ connect: TE.left(failed) })]
    expect(await createClients({ a: a.transport, b: b.transport }).connect()).toEqual(E.left(failed))
    const c = fake()
    expect(await createClients({ c: c.transport }).connect()).toEqual(E.right(undefined))
    expect(c.journal).toEqual(['connect', 'warm'])
  })

  test('closes all, and tells every status by token until nobody listens', async () => {
    const time = virtualClock()
    const [a, b] = [fake(), fake()]
    const clients = createClients({ a: a.transport, b: b.transport }, { clock: time.clock })
    const seen: Array<unknown> = []
    const subscription = clients.status$.subscribe((status) => seen.push(status))
    await clients.connect()
    expect(seen).toEqual([
      { name: 'a', status: 'connecting' },
      { name: 'b', status: 'connecting' },
      { name: 'a', status: 'ready' },
      { name: 'b', status: 'ready' },
    ])
    subscription.unsubscribe()
    await clients.close()
    expect(seen).toHaveLength(4)
    expect(await clients.a.emit('e', 1)()).toEqual(closed)
    expect(await clients.b.emit('e', 1)()).toEqual(closed)
  })

  test('its status$ completes once all are closed', async () => {
    const clients = createClients({ a: fake().transport, b: fake().transport })
    let completed = false
    clients.status$.subscribe({ complete: () => (completed = true) })
    await clients.close()
    expect(completed).toBe(true)
  })

  test('is frozen, with close, connect and status$ beside the tokens', () => {
    const clients = createClients({ a: fake().transport })
    expect(Object.keys(clients).sort()).toEqual(['a', 'close', 'connect', 'status$'])
    expect([Object.isFrozen(clients), Object.isFrozen(createClient(fake().transport))]).toEqual([true, true])
  })
})

describe('orThrow', () => {
  const thrown = async (left: unknown): Promise<Error> => {
    try {
      await orThrow(TE.left(left))
    } catch (error) {
      return error as Error
    }
    throw new Error('nothing was thrown')
  }

  test('resolves with the Right', async () => {
    expect(await orThrow(TE.right(1))).toBe(1)
  })

  test('rejects with an Error that is named after the tag, says what was wrong, and has the error as its cause', async () => {
    const left = { _tag: 'NoHandler', pattern: 'users.get' }
    const error = await thrown(left)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'NoHandler', cause: left })
    expect(error.message).toBe('nobody handles users.get: start its service, or correct the pattern')
    expect(await thrown({ _tag: 'HandlerFailed', error: { secret: 1 } })).toMatchObject({
      name: 'HandlerFailed',
      message: 'the handler answered with its declared failure',
    })
  })

  test.each([
    [{ _tag: 'MyError' }, 'MyError', 'MyError'],
    ['text', 'Error', 'Error'],
    [undefined, 'Error', 'Error'],
    [null, 'Error', 'Error'],
    [{ _tag: 'InvalidPayload', of: 'somebody else' }, 'InvalidPayload', 'InvalidPayload'],
  ])('takes any error there is: %j', async (left, name, said) => {
    const error = await thrown(left)
    expect([error.name, error.message, error.cause]).toEqual([name, said, left])
  })
})
