import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { message } from '../../../core/endpoint.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each } from '../emit.js'
import { check, left, right, same, turn, within } from '../expect.js'
import { token, type Stage } from '../stage.js'
import { tap } from '../tap.js'

const NotFound = t.strict({ _tag: t.literal('NotFound'), id: t.number })
const Ask = message('ask', { request: t.number, reply: t.strict({ n: t.number }), failure: NotFound })
const secret = 'top-secret'

const typed = async ({ serve, call }: Stage): Promise<void> => {
  const running = await serve(
    createMicroservice('typed')
      .handle(Ask, (id) => (id > 0 ? TE.right({ n: id }) : TE.left({ _tag: 'NotFound' as const, id })))
      .onMessage('broken', t.unknown, () => () => Promise.reject(new Error(secret)))
      .onMessage('undeclared', t.unknown, () => TE.left({ _tag: secret, secret }))
      .onMessage('wrong reply', t.unknown, () => TE.right({ n: 'text' })),
  )
  const client = call([running])
  same('a typed Right', await client.send(Ask, 7)(), { _tag: 'Right', right: { n: 7 } })
  same('a typed Left', await client.send(Ask, -7)(), {
    _tag: 'Left',
    left: { _tag: 'HandlerFailed', error: { _tag: 'NotFound', id: -7 } },
  })
  for (const pattern of ['broken', 'undeclared']) {
    const answer = await client.send(pattern, 1, t.unknown)()
    left(`a request that is ${pattern}`, answer, 'Internal')
    const error = answer._tag === 'Left' ? answer.left : undefined
    same('what a caller learns of a defect', Object.keys(error ?? {}).sort(), ['_tag', 'errorId'])
    check(!JSON.stringify(answer).includes(secret), 'a defect tells its text')
  }
  const invalid = await client.send('ask', secret, t.unknown)()
  left('a payload that does not decode', invalid, 'InvalidPayload')
  check(!JSON.stringify(invalid).includes(secret), 'an invalid payload is repeated in the answer')
  left('a reply that does not decode', await client.send('wrong reply', 1, t.type({ n: t.number }))(), 'InvalidReply')
}

const parallel = async ({ serve, call, callOn, world }: Stage): Promise<void> => {
  const running = await serve(
    createMicroservice('shuffled').onMessage(
      'shuffle',
      t.number,
      (n) => async () => {
        for (let i = 0; i < (n * 7) % 23; i++) await turn()
        return { _tag: 'Right', right: n } as const
      },
      { concurrency: 1_000 },
    ),
  )
  const ask = async (client: ReturnType<typeof call>, to: number): Promise<void> => {
    const answers: Array<number> = []
    await each({ to, window: to }, async (n) => {
      same(`the reply to request ${n}`, right(`send ${n}`, await client.send('shuffle', n, t.number)()), n)
      answers.push(n)
    })
    same('answers', answers.length, to)
    check(
      answers.some((n, i) => n !== i),
      'the replies were to come in another order',
    )
  }
  await ask(call([running]), 1_000)

  // Every answer comes twice, and the second one is forged.
  const twice = tap(world.client([running], token), ({ request }) => ({
    request: (outgoing, answer) =>
      request(outgoing, (given) => {
        answer(given)
        answer({ _tag: 'Reply', status: 'ok', body: new TextEncoder().encode('-1') })
      }),
  }))
  await ask(callOn(twice), 100)
}

const voids = async ({ serve, call }: Stage): Promise<void> => {
  const running = await serve(
    createMicroservice('void')
      .onMessage('with codec', t.void, () => TE.right(undefined), { reply: t.void })
      .onMessage('without codec', t.void, () => TE.right(undefined))
      .onMessage('null', t.null, () => TE.right(null), { reply: t.null }),
  )
  const client = call([running])
  for (const pattern of ['with codec', 'without codec'])
    same(`a void reply ${pattern}`, await client.send(pattern, undefined, t.void)(), {
      _tag: 'Right',
      right: undefined,
    })
  same('a null reply', await client.send('null', null, t.null)(), { _tag: 'Right', right: null })
}

const once = async ({ serve, call }: Stage): Promise<void> => {
  const runs = new Map<number, number>()
  const replica = () =>
    serve(
      createMicroservice('replicas').onMessage('run', t.number, (n) =>
        TE.fromIO(() => {
          runs.set(n, (runs.get(n) ?? 0) + 1)
          return n
        }),
      ),
    )
  const client = call([await replica(), await replica()])
  await each({ to: 100, window: 100 }, async (n) => {
    same(`the reply to request ${n}`, right(`send ${n}`, await client.send('run', n, t.number)()), n)
  })
  same('requests that ran', runs.size, 100)
  check(
    [...runs.values()].every((count) => count === 1),
    'a request ran on two replicas',
  )
}

const nobody = async ({ serve, call, callOn, world }: Stage): Promise<void> => {
  const running = await serve(createMicroservice('other').onMessage('other', t.unknown, () => TE.right(1)))
  const client = call([running])
  right('the connection is made', await client.connect())
  left(
    'a request that nobody answers',
    await within(2_000, 'the answer', client.send('nobody', 1, t.unknown)()),
    'NoHandler',
  )
  await running.stop()
  // Where there is somebody to ask, that one knows; else there is nobody to connect to, and calls wait for their deadline.
  const late = callOn(world.client([running], token))
  const connected = await within(2_000, 'connect', late.connect())
  if (connected._tag === 'Left') left('connect, after the service has stopped', connected, 'TransportFailed')
  else left('a request after its service has stopped', await late.send('other', 1, t.unknown)(), 'NoHandler')
}
const nobodyKnows = async ({ serve, call }: Stage): Promise<void> => {
  const running = await serve(createMicroservice('other').onMessage('other', t.unknown, () => TE.right(1)))
  left(
    'a request that nobody answers',
    await call([running]).send('nobody', 1, t.unknown, { timeout: 500 })(),
    'TimeoutError',
    // n.b. of a pattern that nobody has ever answered even such a transport may know that
    'NoHandler',
  )
}

export const requests: ReadonlyArray<Guarantee> = [
  {
    id: 'C29',
    title: 'A caller gets the typed Right, the typed Left, and of a defect neither text nor stack.',
    examine: typed,
  },
  {
    id: 'C31',
    title:
      'Of 1,000 parallel requests each gets its own reply, in whatever order; further and forged replies are ignored.',
    examine: parallel,
  },
  { id: 'C32', title: 'Two replicas run 100 requests 100 times.', examine: once },
  {
    id: 'C33',
    title: 'A request that nobody answers fails at once with a typed error.',
    examine: nobody,
    unless: {
      lacks: ({ noHandler }) => !noHandler,
      title: 'A request that nobody answers ends with its deadline.',
      examine: nobodyKnows,
    },
  },
  { id: 'C37', title: 'Void replies work.', examine: voids },
]
