import * as E from 'fp-ts/lib/Either.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { tcp, type TcpHello, type TcpOptions } from 'taskwire/tcp'
import { closeCode, frameType } from '../../../lib/transport/tcp/frame.js'
import { client as visitor, other, server } from './certificates.js'
import { hello, rawClient } from './raw.js'
import { connected, echo, environment, on, outgoing, publish, request, right, serving, text, until } from './support.js'

const echoing = [on('message', 'echo'), on('event', 'note')]
describe('TLS', () => {
  it('carries calls of every size', async () => {
    const { port } = await serving(echoing, echo, { tls: server })
    const client = await connected({ port, tls: { ca: server.cert } })
    const bodies = ['', 'small', 'x'.repeat(40_000), 'y'.repeat(900_000)]
    const answers = await Promise.all(bodies.map((body) => request(client, outgoing('echo', body))))
    expect(answers.map(text)).toEqual(bodies)
    const many = await Promise.all(Array.from({ length: 500 }, (_, i) => request(client, outgoing('echo', String(i)))))
    expect(many.map(text)).toEqual(Array.from({ length: 500 }, (_, i) => String(i)))
  })

  it('refuses a server that it does not know, and says why', async () => {
    const { port } = await serving(echoing, echo, { tls: server })
    const client = await connected({ port, tls: { ca: other.cert } })
    const found = await client.warm()
    expect(found).toMatchObject({ _tag: 'Left', left: { _tag: 'TransportFailed' } })
    expect(E.isLeft(found) && found.left._tag === 'TransportFailed' && found.left.message).toMatch(/SELF_SIGNED|UNABLE/)
  })

  it('shows the certificate of the client to authenticate', async () => {
    const seen: Array<TcpHello> = []
    const { port } = await serving(echoing, echo, {
      tls: { ...server, requestCert: true, ca: visitor.cert },
      authenticate: (given) => {
        seen.push(given)
        return TE.right(given.certificate?.subject.CN)
      },
    })
    const tls = { ca: server.cert, key: visitor.key, cert: visitor.cert }
    const client = await connected({ port, tls })
    expect(text(await request(client, outgoing('echo', 'me')))).toBe('me')
    expect(seen[0]?.certificate?.subject.CN).toBe('client')
    const stranger = await connected({ port, tls: { ca: server.cert } })
    expect(await stranger.warm()).toMatchObject({ _tag: 'Left' })
  })

  it('speaks nothing below 1.2', async () => {
    const { port } = await serving(echoing, echo, { tls: server })
    const old = { port, ca: server.cert, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' } as const
    await expect(
      new Promise((resolve, reject) => void connectTls(old, () => resolve(1)).on('error', reject)),
    ).rejects.toThrow()
  })

  it('names the host that is dialled to the server', async () => {
    let named: string | undefined
    const tls = {
      ...server,
      SNICallback: (name: string, done: (error: null, context: undefined) => void) => {
        named = name
        done(null, undefined)
      },
    }
    const { port } = await serving(echoing, echo, { tls })
    const client = await connected({ endpoints: [{ host: 'localhost', port }], tls: { ca: server.cert } })
    await client.warm()
    expect(named).toBe('localhost')
  })

  it('closes connections that are still shaking hands, too', async () => {
    const { port, connection } = await serving(echoing, echo, { tls: server })
    const raw = await rawClient(port)
    await new Promise((resolve) => void setTimeout(resolve, 20))
    await connection.close()
    await until(raw.closed)
  })

  it('counts the connections of an address, and forgets those that are closed', async () => {
    const { port } = await serving(echoing, echo, { tls: server, limits: { maxConnectionsPerAddress: 1 } })
    const first = await connected({ port, tls: { ca: server.cert } })
    right(await first.warm())
    const second = await connected({ port, tls: { ca: server.cert } })
    expect(await second.warm()).toMatchObject({ _tag: 'Left' })
    await first.close()
    expect(text(await request(second, outgoing('echo', 'x')))).toBe('x')
  })
})

describe('authenticate', () => {
  it('gets the token and the address, and its answer is the principal', async () => {
    const seen: Array<TcpHello> = []
    const principals: Array<unknown> = []
    const { port } = await serving(
      echoing,
      (delivery, settle) => {
        principals.push(delivery.context.principal)
        echo(delivery, settle)
      },
      {
        authenticate: (given) => {
          seen.push(given)
          return TE.right({ user: 'ada' })
        },
      },
    )
    const client = await connected({ port, token: T.of('secret') })
    await request(client, outgoing('echo', ''))
    expect(seen[0]).toMatchObject({ token: { _tag: 'Some', value: 'secret' }, remoteAddress: '127.0.0.1' })
    expect(seen[0]?.certificate).toBeUndefined()
    expect(principals).toEqual([{ user: 'ada' }])
  })

  it.each([
    ['answers Left', () => TE.left('the token has expired'), 'the token has expired'],
    [
      'throws',
      () => {
        throw new Error('stack')
      },
      'the credentials were refused',
    ],
    ['rejects', () => () => Promise.reject(new Error('stack')), 'the credentials were refused'],
    ['answers a Left that is no text', () => TE.left(undefined as unknown as string), 'the credentials were refused'],
    ['answers no Either', () => () => Promise.resolve(true as never), 'the credentials were refused'],
    ['answers nothing', () => () => Promise.resolve(undefined as never), 'the credentials were refused'],
    ['is no task', () => 1 as never, 'the credentials were refused'],
  ] as const)(
    'that %s refuses the connection: Unauthorized, and not asked again and again',
    async (_how, authenticate, message) => {
      let asked = 0
      const { port } = await serving(echoing, echo, {
        authenticate: () => {
          asked += 1
          return authenticate()
        },
      })
      const client = await connected({ port, token: T.of('wrong') })
      const refused = { error: { _tag: 'Unauthorized', message }, processed: 'no', retryAfterMs: undefined }
      expect(await request(client, outgoing('echo', ''))).toMatchObject(refused)
      for (let i = 0; i < 10; i++) expect(await publish(client, outgoing('note', ''))).toMatchObject(refused)
      await new Promise((resolve) => void setTimeout(resolve, 300))
      expect(asked).toBe(1)
      expect(await client.warm()).toMatchObject({ left: { _tag: 'Unauthorized', message } })
    },
  )

  it('that takes too long ends as if there had been no hello, and reads nothing meanwhile', async () => {
    const { port } = await serving(echoing, echo, {
      authenticate: () => () => new Promise(() => undefined),
      limits: { helloTimeout: 80 },
    })
    const raw = await rawClient(port)
    raw.send(hello())
    await new Promise((resolve) => void setTimeout(resolve, 20))
    raw.send(Buffer.alloc(200_000, 0xff))
    expect((await raw.goaway()).code).toBe(closeCode.helloTimeout)
  })
})

describe('running authenticate', () => {
  it('keeps the place of its address until it is done, though the connection is gone', async () => {
    let finish: (() => void) | undefined
    let running = 0
    const { port } = await serving(echoing, echo, {
      authenticate: () => async () => {
        running += 1
        if (running === 1) await new Promise<void>((resolve) => (finish = resolve))
        return E.right('ada')
      },
      limits: { maxConnectionsPerAddress: 1 },
    })
    const first = await rawClient(port)
    first.send(hello())
    await until(() => running === 1)
    first.socket.destroy()
    await new Promise((resolve) => void setTimeout(resolve, 50))
    const second = await rawClient(port)
    expect((await second.goaway()).code).toBe(closeCode.tooManyConnections)
    expect(running).toBe(1)
    finish?.()
    await new Promise((resolve) => void setTimeout(resolve, 50))
    const third = await rawClient(port)
    third.send(hello())
    await third.got(frameType.welcome)
  })

  it('counts among the connections of the server', async () => {
    let running = 0
    const { port } = await serving(echoing, echo, {
      authenticate: () => () => {
        running += 1
        return new Promise(() => undefined)
      },
      limits: { maxConnections: 2 },
    })
    for (let i = 0; i < 4; i++) {
      const raw = await rawClient(port)
      raw.send(hello())
      await until(() => running > i || raw.closed())
      raw.socket.destroy()
      await new Promise((resolve) => void setTimeout(resolve, 30))
    }
    expect(running).toBe(2)
  })
})

describe('authorize', () => {
  it('is asked for each call before its payload is read; what it refuses or throws at is Unauthorized', async () => {
    let handled = 0
    const asked: Array<unknown> = []
    const { port } = await serving(
      [...echoing, on('message', 'admin')],
      (delivery, settle) => {
        handled += 1
        echo(delivery, settle)
      },
      {
        authenticate: () => TE.right('ada'),
        authorize: (principal, wanted) => {
          asked.push([principal, wanted.kind, wanted.pattern])
          if (wanted.pattern === 'admin') throw new Error('no')
          return wanted.kind === 'message'
        },
      },
    )
    const client = await connected({ port })
    const refused = { error: { _tag: 'Unauthorized' }, processed: 'no', retryAfterMs: undefined }
    expect(text(await request(client, outgoing('echo', 'x')))).toBe('x')
    expect(await request(client, outgoing('admin', 'x'))).toMatchObject(refused)
    expect(await publish(client, outgoing('note', 'x'))).toMatchObject(refused)
    expect(handled).toBe(1)
    expect(asked).toEqual([
      ['ada', 'message', 'echo'],
      ['ada', 'message', 'admin'],
      ['ada', 'event', 'note'],
    ])
  })

  it.each([Promise.resolve(true), Promise.resolve(false), 1, 'yes', {}, undefined])(
    'refuses whatever it answers but true: %s',
    async (answer) => {
      const { port } = await serving(echoing, echo, { authorize: () => answer as boolean })
      const client = await connected({ port })
      expect(await request(client, outgoing('echo', ''))).toMatchObject({ error: { _tag: 'Unauthorized' } })
    },
  )
})

describe('a token', () => {
  it('that cannot be had is a reason, and never in a message', async () => {
    const { port } = await serving(echoing, echo)
    const client = await connected({ port, token: () => Promise.reject(new Error('vault: hunter2')) })
    const found = await client.warm()
    expect(found).toMatchObject({
      left: { message: `cannot reach 127.0.0.1:${String(port)} (the token could not be had)` },
    })
  })

  it('that is too long is not sent', async () => {
    const { port } = await serving(echoing, echo)
    const client = await connected({ port, token: T.of('x'.repeat(7_169)) })
    expect(await client.warm()).toMatchObject({ left: { message: expect.stringContaining('7168 bytes') as unknown } })
  })
})

describe('options', () => {
  it.each([
    ['no endpoints', { endpoints: [] }, /endpoints must be at least one address/],
    ['an endpoint without a port', { endpoints: [{ host: 'a', port: 0 }] }, /endpoints must be a host and a port/],
    ['a port that is none', { port: 70_000 }, /port must be a whole number from 0 to 65535/],
    ['an empty name', { name: '' }, /name must be text/],
    ['an unknown limit', { limits: { maxFrames: 1 } }, /limits.maxFrames must be one of/],
    ['a limit below 1', { limits: { maxInFlight: 0 } }, /limits.maxInFlight must be a number from 1/],
    ['a token in the clear', { token: T.of('t'), endpoints: [{ host: '10.0.0.1', port: 1 }] }, /tls must be set/],
  ])('with %s are reported by connect', async (_what, options, message) => {
    const found = await tcp(options as TcpOptions).connect(environment())()
    expect(found).toMatchObject({
      left: { _tag: 'TransportFailed', message: expect.stringMatching(message) as unknown },
    })
  })

  it('let a token travel in the clear on request, within the machine, and under TLS', async () => {
    const endpoints = [{ host: '10.0.0.1', port: 1 }]
    const token = T.of('t')
    for (const options of [
      { token, endpoints, insecure: true },
      { token, port: 1 },
      { token, endpoints, tls: {} },
    ])
      await right(await tcp(options).connect(environment())()).close()
  })
})

describe('TLS options that cannot be read', () => {
  it('are reported by subscribe and by warm, and fail no call with an exception', async () => {
    const listener = await connected({ port: 0, tls: { key: 'no key', cert: 'no certificate' } })
    expect(await listener.subscribe(echoing, echo)()).toMatchObject({ left: { _tag: 'TransportFailed' } })
    const client = await connected({ port: 1, tls: { ca: 'x', cert: 'no certificate', key: 'no key' } })
    expect(await client.warm()).toMatchObject({ left: { _tag: 'TransportFailed' } })
    client.request(outgoing('echo', ''), () => undefined)()
  })
})
