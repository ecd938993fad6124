/** Everything beside handlers that users write and that may throw: codecs, policies, middleware. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { delays } from '../../core/retry.js'
import { createMicroservice } from '../../microservice.js'
import { left, right, same } from './expect.js'
import { reports } from './reports.js'
import type { Stage } from './stage.js'

const secret = 'top-secret'
const boom = (): never => {
  throw new Error(secret)
}
const broken = new t.Type<number>('broken', t.number.is, boom, boom)

/** None of them takes the service down, and each has its typed end. */
export const throwingParts = async ({ serve, call, until }: Stage): Promise<void> => {
  const running = await serve(
    createMicroservice('parts')
      .use((next) => (arrival) => (arrival.payload === 'in middleware' ? boom() : next(arrival)))
      .onEvent('codec', broken, () => TE.right(undefined))
      .onEvent('classify', t.unknown, () => TE.left('failed'), { classify: boom })
      .onEvent('retry', t.unknown, () => TE.left('failed'), { classify: () => 'retryable', retry: boom })
      .onEvent('key', t.unknown, () => TE.right(undefined), { orderingKey: boom, retry: delays() })
      .onMessage('codec', broken, () => TE.right(1))
      .onMessage('reply', t.unknown, () => TE.right(1), { reply: broken })
      .onMessage('failure', t.unknown, () => TE.left(1), { failure: broken })
      .onMessage('middleware', t.unknown, () => TE.right(1)),
  )
  const outcomes = reports(running)
  const client = call([running])
  const undecodable = await client.emit('codec', 1)()
  if (undecodable._tag === 'Left') left('emit of what its codec cannot read', undecodable, 'InvalidPayload')
  for (const pattern of ['classify', 'retry', 'key']) right(`emit to ${pattern}`, await client.emit(pattern, 1)())
  await until(
    () => `the outcomes of four events are reported (${outcomes.length})`,
    () => outcomes.length === 4,
  )
  same('the outcomes of events', outcomes.map(({ pattern, _tag, attempt }) => `${pattern} ${_tag} ${attempt}`).sort(), [
    'classify Failed 1',
    'codec Invalid 1',
    'key Defect 1',
    'retry Failed 1',
  ])
  left('a request that its codec cannot read', await client.send('codec', 1, t.unknown)(), 'InvalidPayload')
  for (const pattern of ['reply', 'failure', 'middleware'])
    left(`a request to ${pattern}`, await client.send(pattern, 'in middleware', t.unknown)(), 'Internal')
  same('a request after those', right('send', await client.send('middleware', 1, t.number)()), 1)
}
