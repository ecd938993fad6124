import * as E from 'fp-ts/lib/Either.js'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { abortedBecause } from '../../../lib/core/context.js'
import type { Settlement } from '../../../lib/core/settlement.js'
import { closeCode, frameType, refusal } from '../../../lib/transport/tcp/frame.js'
import { tcp } from 'taskwire/tcp'
import { call, rawClient, welcomed } from './raw.js'
import {
  connected,
  echo,
  environment,
  on,
  outgoing,
  publish,
  reply,
  request,
  right,
  serving,
  text,
  until,
  type TcpDelivery,
} from './support.js'

const slow = [on('message', 'slow')]

describe('a server that stops', () => {
  it('announces the last id it accepted, answers what it accepted, and refuses the rest', async () => {
    const settles: Array<(settlement: Settlement) => void> = []
    const { port, stop, connection } = await serving(slow, (_, settle) => void settles.push(settle))
    const raw = await welcomed(port)
    raw.send(call(1, 'slow'), call(5, 'slow'))
    await until(() => settles.length === 2)
    await stop()
    expect(await raw.goaway()).toMatchObject({ code: closeCode.draining, lastAccepted: 5 })
    raw.send(call(6, 'slow'))
    const rejected = await raw.got(frameType.rejected)
    expect([rejected.id, rejected.meta.readUInt16BE(2)]).toEqual([6, refusal.draining])
    expect(settles.length).toBe(2)
    for (const settle of settles) settle(reply('late'))
    expect((await raw.got(frameType.reply, 2)).body.toString()).toBe('late')
    await connection.close()
    await until(raw.closed)
  })

  it('takes no connection any more', async () => {
    const { port, stop } = await serving(slow, echo)
    await stop()
    await expect(rawClient(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('lets a client finish what was accepted and moves it to another endpoint for the rest', async () => {
    const settles: Array<(settlement: Settlement) => void> = []
    const first = await serving(slow, (_, settle) => void settles.push(settle))
    const second = await serving(slow, (_, settle) => {
      settle(reply('second'))
    })
    const endpoints = [first.address, second.address]
    const client = await connected({ endpoints })
    right(await client.warm())
    const running: Array<Promise<unknown>> = []
    await until(() => {
      running.push(request(client, outgoing('slow', '')).then(text))
      return settles.length > 0
    })
    await first.stop()
    const later = await Promise.all(Array.from({ length: 20 }, () => request(client, outgoing('slow', ''))))
    const wrong = later.filter((answer) => answer._tag !== 'Reply')
    for (const answer of wrong) expect(answer).toMatchObject({ processed: 'no', retryAfterMs: 0 })
    for (const settle of settles) settle(reply('first'))
    expect(new Set(await Promise.all(running))).toEqual(new Set(['first', 'second']))
    const after = await Promise.all(Array.from({ length: 20 }, () => request(client, outgoing('slow', '')).then(text)))
    expect(new Set(after)).toEqual(new Set(['second']))
  })

  it('is asked to settle what it still runs, and closes within its grace whatever the peer does', async () => {
    const seen: Array<TcpDelivery> = []
    const { port, connection } = await serving(slow, (delivery) => void seen.push(delivery), {
      limits: { closeGrace: 50 },
    })
    const raw = await welcomed(port)
    raw.socket.pause()
    raw.send(call(1, 'slow'))
    await until(() => seen.length === 1)
    await connection.close()
    expect(seen.map(({ context }) => abortedBecause(context))).toEqual(['disconnected'])
  })

  it('can be closed many times, before it listens too', async () => {
    const { connection } = await serving(slow, echo)
    await Promise.all(Array.from({ length: 10 }, () => connection.close()))
    const unused = right(await tcp({ port: 0 }).connect(environment())())
    await unused.close()
    expect(E.isLeft(await unused.subscribe(slow, echo)())).toBe(true)
  })

  it('leaves its port to the next one', async () => {
    const first = await serving(slow, echo)
    await first.connection.close()
    const second = await serving(slow, echo, { port: first.port })
    expect(second.port).toBe(first.port)
  })
})

describe('connecting and closing', () => {
  it('many times leaves no socket and no timer', async () => {
    const open = (): number =>
      process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP') || name === 'Timeout').length
    const { port, connection } = await serving(slow, echo)
    await connection.close()
    const before = open()
    for (let i = 0; i < 200; i++) {
      const server = right(await tcp({ port }).connect(environment())())
      const stop = right(await server.subscribe(slow, echo)())
      const client = right(await tcp({ port }).connect(environment())())
      expect(text(await request(client, outgoing('slow', 'x')))).toBe('x')
      if (i % 2 === 0) await stop()
      await Promise.all(i % 3 === 0 ? [client.close(), server.close()] : [server.close().then(client.close)])
    }
    await until(() => open() <= before)
  })
})

describe('a server that cannot start', () => {
  it('says where it could not listen, and why', async () => {
    const { port } = await serving(slow, echo)
    const second = await connected({ port })
    const found = await second.subscribe(slow, echo)()
    expect(found).toMatchObject({
      _tag: 'Left',
      left: {
        _tag: 'TransportFailed',
        name: 'tcp',
        message: `cannot listen on 127.0.0.1:${String(port)} (EADDRINUSE)`,
      },
    })
  })
})

describe('a status', () => {
  it('of a server is connecting, ready, closed', async () => {
    const connection = await connected({ port: 0 })
    const seen: Array<string> = []
    let completed = false
    connection.status$.subscribe({ next: (status) => seen.push(status), complete: () => (completed = true) })
    right(await connection.subscribe(slow, echo)())
    await connection.close()
    expect(seen).toEqual(['connecting', 'ready', 'closed'])
    expect(completed).toBe(true)
    const late: Array<string> = []
    connection.status$.subscribe((status) => late.push(status))
    expect(late).toEqual(['closed'])
  })

  it('of a client follows its connections', async () => {
    const server = await serving(slow, echo)
    const client = await connected({ port: server.port })
    const seen: Array<string> = []
    client.status$.subscribe((status) => seen.push(status))
    right(await client.warm())
    await server.connection.close()
    await until(() => seen.at(-1) === 'lost')
    await serving(slow, echo, { port: server.port })
    await until(() => seen.at(-1) === 'ready')
    await client.close()
    expect(seen).toEqual(['connecting', 'ready', 'lost', 'ready', 'closed'])
  })
})

describe('a client that closes', () => {
  it('fails what is pending and what comes later as Closed, and tells the server', async () => {
    const seen: Array<TcpDelivery> = []
    const { port } = await serving(slow, (delivery) => void seen.push(delivery))
    const client = await connected({ port })
    const pending = request(client, outgoing('slow', ''))
    await until(() => seen.length === 1)
    await client.close()
    expect(await pending).toMatchObject({ error: { _tag: 'Closed' }, processed: 'maybe', retryAfterMs: undefined })
    expect(await publish(client, outgoing('slow', ''))).toMatchObject({ error: { _tag: 'Closed' }, processed: 'no' })
    await until(() => seen.every(({ context }) => abortedBecause(context) === 'disconnected'))
  })

  it('fails what waits for a connection as Closed', async () => {
    const idle = createServer()
    await new Promise<void>((resolve) => void idle.listen(0, '127.0.0.1', resolve))
    const address = idle.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await new Promise((resolve) => void idle.close(resolve))
    const client = await connected({ port })
    const waiting = request(client, outgoing('slow', ''))
    await client.close()
    expect(await waiting).toMatchObject({ error: { _tag: 'Closed' }, processed: 'no' })
  })
})
