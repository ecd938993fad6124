/** A client over a fake transport, in virtual time. */
import { createClient, type Answer, type Client, type ClientOptions } from 'taskwire'
import { seededRandom, virtualClock, type VirtualClock } from 'taskwire/testing'
import { bytes, fake, type Asked, type Fake, type FakeOptions } from '../../runtime/support/fake.js'
import { turn } from '../../runtime/support/stage.js'

export interface Caller extends Fake {
  readonly time: VirtualClock
  readonly client: Client
  /** The last thing that was asked of the transport. */
  readonly last: () => Asked
}

export const caller = (options: FakeOptions & { readonly client?: ClientOptions } = {}): Caller => {
  const transport = fake(options)
  const time = virtualClock()
  const client = createClient(transport.transport, {
    clock: time.clock,
    random: seededRandom(1),
    ...options.client,
  })
  return { ...transport, time, client, last: () => transport.asked.at(-1)! }
}

/** A caller whose connection is open. */
export const connected = async (options: FakeOptions & { readonly client?: ClientOptions } = {}): Promise<Caller> => {
  const one = caller(options)
  await one.client.connect()
  return one
}

export const reply = (value: unknown, status: 'ok' | 'error' = 'ok'): Answer => ({
  _tag: 'Reply',
  status,
  body: bytes(value),
})

export const accepted: Answer = { _tag: 'Accepted' }

export const failing = (
  processed: 'no' | 'maybe' | 'yes',
  retryAfterMs: number | undefined,
  error: Extract<Answer, { readonly _tag: 'Failing' }>['error'] = { _tag: 'Overloaded', limit: 7 },
): Answer => ({ _tag: 'Failing', error, processed, retryAfterMs })

/** What a call came to so far, once every promise has had its turn. */
export const soFar = async <A>(call: Promise<A>): Promise<A | 'pending'> => {
  await turn()
  return Promise.race([call, Promise.resolve('pending' as const)])
}
