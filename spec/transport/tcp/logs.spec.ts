import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { realClock } from '../../../lib/core/clock.js'
import { closeCode } from '../../../lib/transport/tcp/frame.js'
import { expired, server } from './certificates.js'
import { bytesOf, hello, rawClient } from './raw.js'
import { connected, echo, on, serving, until } from './support.js'

const echoing = [on('message', 'echo')]

describe('the log of a server', () => {
  it('has at most a line a second, even after a time without connections, and says at the end what it left out', async () => {
    let ahead = 0
    const clock = { ...realClock, now: () => realClock.now() + ahead }
    const { port, logged, connection } = await serving(echoing, echo, {}, { clock })
    const wrong = async (): Promise<void> => {
      const raw = await rawClient(port)
      raw.send(bytesOf(0x55, 0))
      await until(raw.closed)
    }
    await wrong()
    await wrong()
    await new Promise((resolve) => void setTimeout(resolve, 50))
    expect(logged.length).toBe(1)
    ahead = 2_000
    await wrong()
    expect(logged.length).toBe(2)
    expect(logged[1]).toContain('(and 1 more)')
    await wrong()
    await wrong()
    await connection.close()
    expect(logged.at(-1)).toBe('tcp: 2 more lines were left out of the log')
  })

  it('has one line for what authenticate says, whatever it is, and so has the goodbye', async () => {
    const authenticate = () => TE.left('no\r\n[info] all is well\u001b[2J\u2028\u202e')
    const { port, logged } = await serving(echoing, echo, { authenticate })
    const raw = await rawClient(port)
    raw.send(hello())
    expect((await raw.goaway()).code).toBe(closeCode.unauthorized)
    const [frame] = raw.frames
    for (const text of [logged.join(), frame?.body.toString('utf8', 10) ?? '']) {
      expect(text).toContain('[info] all is well')
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
    }
  })

  it('names handshakes that fail', async () => {
    const { port, logged } = await serving(echoing, echo, { tls: server })
    const raw = await rawClient(port)
    raw.socket.write('GET / HTTP/1.1\r\n\r\n')
    await until(() => logged.length > 0)
    expect(logged[0]).toMatch(/^tcp: a TLS handshake .*failed \(ERR_SSL/)
  })

  it('says what is wrong with the certificate of a client that it refuses', async () => {
    const tls = { ...server, ca: expired.cert, requestCert: true, rejectUnauthorized: true }
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { port, logged } = await serving(echoing, echo, { tls: { ...tls, maxVersion } })
      const client = await connected({ port, tls: { ...expired, ca: server.cert } })
      expect(await client.warm()).toMatchObject({ left: { _tag: 'TransportFailed' } })
      await until(() => logged.length > 0)
      expect(logged[0]).toMatch(/^tcp: a TLS handshake .*failed \(CERT_HAS_EXPIRED\)/)
    }
  })
})
