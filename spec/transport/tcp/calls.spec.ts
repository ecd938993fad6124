import { describe, expect, it } from 'vitest'
import {
  connected,
  echo,
  on,
  outgoing,
  publish,
  reply,
  request,
  serving,
  text,
  until,
  type TcpDelivery,
} from './support.js'

describe('a request over TCP', () => {
  it('comes back with its reply', async () => {
    const { port } = await serving([on('message', 'echo')], echo)
    const client = await connected({ port })
    expect(text(await request(client, outgoing('echo', '{"a":"ä\u{1F600}"}')))).toBe('{"a":"ä\u{1F600}"}')
  })

  it('reaches its own handler, a thousand at once, and gets its own reply', async () => {
    const { port } = await serving([on('message', 'a'), on('message', 'b')], ({ context, body }, settle) => {
      setImmediate(() => {
        settle(reply(`${context.pattern}${Buffer.from(body).toString()}`))
      })
    })
    const client = await connected({ port })
    const all = Array.from({ length: 1_000 }, (_, i) => (i % 2 === 0 ? 'a' : 'b') + String(i))
    const answers = await Promise.all(all.map((one) => request(client, outgoing(one.slice(0, 1), one.slice(1)))))
    expect(answers.map(text)).toEqual(all)
  })

  it('carries bodies of every size, as text and as bytes', async () => {
    const { port } = await serving([on('message', 'echo')], echo)
    const client = await connected({ port })
    for (const size of [0, 1, 100, 5_000, 8_192, 16_384, 65_536, 300_000, 1_048_576]) {
      const body = 'é'.repeat(Math.floor(size / 2)) + 'x'.repeat(size % 2)
      const bytes = Buffer.from(body)
      const answers = await Promise.all([
        request(client, outgoing('echo', body)),
        request(client, outgoing('echo', bytes)),
      ])
      for (const answer of answers) expect(answer._tag === 'Reply' && Buffer.from(answer.body).equals(bytes)).toBe(true)
    }
  })

  it('tells the handler who, what and until when', async () => {
    const seen: Array<TcpDelivery> = []
    const { port } = await serving([on('message', 'echo')], (delivery, settle) => {
      seen.push(delivery)
      settle(reply(''))
    })
    const client = await connected({ port })
    const headers = { traceparent: '00-1-2-01', tracestate: 'a=1', baggage: 'b=2', 'X-Case': 'ü', __proto__x: '1' }
    const more = { headers, messageId: 'm1', correlationId: 'c1', causationId: 'p1', key: 'k1', timeoutMs: 5_000 }
    await request(client, outgoing('echo', '1', more))
    const before = performance.now()
    const [delivery] = seen
    expect(delivery).toMatchObject({ subscription: 0, key: 'k1', firstFailedAt: undefined })
    expect(delivery?.context).toMatchObject({
      transport: 'tcp',
      name: 'tcp',
      pattern: 'echo',
      messageId: 'm1',
      correlationId: 'c1',
      attempt: 1,
      remoteAddress: '127.0.0.1',
      principal: undefined,
    })
    expect(delivery?.context.headers).toEqual(headers)
    const deadline = delivery?.context.deadline
    expect(deadline?._tag === 'Some' && deadline.value - before).toBeGreaterThan(4_000)
    expect(deadline?._tag === 'Some' && deadline.value - before).toBeLessThanOrEqual(5_000)
  })

  it('fails at once with NoHandler when nobody handles the pattern', async () => {
    const { port } = await serving([on('event', 'x')], echo)
    const client = await connected({ port })
    expect(await request(client, outgoing('x', ''))).toEqual({
      _tag: 'Failing',
      error: { _tag: 'NoHandler', pattern: 'x' },
      processed: 'no',
      retryAfterMs: undefined,
    })
  })
})

describe('an event over TCP', () => {
  it('is accepted when every endpoint has admitted it, before the handlers are done', async () => {
    const admit: Array<() => void> = []
    const { port } = await serving([on('event', 'a.*'), on('event', 'a.b', 'second')], (delivery) => {
      admit.push(() => delivery.admitted?.(undefined))
    })
    const client = await connected({ port })
    let answered = false
    const answer = publish(client, outgoing('a.b', '1')).then((got) => {
      answered = true
      return got
    })
    await until(() => admit.length === 2)
    admit[0]?.()
    await request(client, outgoing('nobody', ''))
    expect(answered).toBe(false)
    admit[1]?.()
    expect(await answer).toEqual({ _tag: 'Accepted' })
  })
})
