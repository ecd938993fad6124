/** A dedupe store on Redis, for services on whatever transport. It has a connection of its own. */
import { createHash } from 'node:crypto'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'
import { freshId, realClock, secureRandom } from '../../core/clock.js'
import type { Claim, DedupeStore, DedupeUnavailable, StoredReply } from '../../core/dedupe.js'
import { render } from '../../core/render.js'
import { problem } from '../broker/problems.js'
import { reasonOf } from './errors.js'
import { links, type Link, type Links } from './link.js'
import { settingsOf, type RedisOptions } from './options.js'
import { script, type Part, type Script } from './script.js'
import { driver, type Wire } from './wire.js'

export interface RedisDedupeOptions extends Pick<RedisOptions, 'url' | 'ioredis' | 'cluster' | 'prefix'> {
  /** How long a message that was handled is remembered, in milliseconds. Default 600,000: ten minutes. */
  readonly ttlMs?: number
  /** The largest reply that is kept, in bytes. Default 65,536. */
  readonly maxReplyBytes?: number
}

/** A dedupe store with a connection, which is opened when it is first asked. */
export interface RedisDedupe extends DedupeStore {
  /** Closes it, for good. Idempotent. */
  readonly close: Task<void>
}

// A key holds `r` and the token of its claim, or what was answered: `d` nothing, `o` a value, `e` a failure that was
// declared, `f` one that was not, and the body.
const begin = script(`
if redis.call('SET', KEYS[1], 'r' .. ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return redis.call('GET', KEYS[1])`)

const complete = script(`
local held = redis.call('GET', KEYS[1])
if held and held ~= 'r' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`)

const abandon = script(`
if redis.call('GET', KEYS[1]) ~= 'r' .. ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`)

const letters = { ok: 'o', error: 'e', failure: 'f' } as const
const statuses: Readonly<Record<string, StoredReply['status'] | undefined>> = { o: 'ok', e: 'error', f: 'failure' }

const written = (reply: StoredReply | undefined): Buffer =>
  reply === undefined ? Buffer.from('d') : Buffer.concat([Buffer.from(letters[reply.status]), reply.body])

const unavailable = (message: string): Either<DedupeUnavailable, never> =>
  E.left({ _tag: 'DedupeUnavailable', message })

// n.b. what is not ours must not be taken for a message that was handled
const read = (answer: unknown, token: string): Either<DedupeUnavailable, Claim> => {
  if (answer === 0) return E.right({ _tag: 'Fresh', token })
  if (!Buffer.isBuffer(answer)) return unavailable('the key holds something else')
  const letter = String.fromCharCode(answer[0] ?? 0)
  if (letter === 'r') return E.right({ _tag: 'Running' })
  if (letter === 'd') return E.right({ _tag: 'Done', reply: undefined })
  const status = statuses[letter]
  return status === undefined
    ? unavailable('the key holds something else')
    : E.right({ _tag: 'Done', reply: { status, body: new Uint8Array(answer.subarray(1)) } })
}

/**
 * A dedupe store that replicas share. Each message that was handled is a key for `ttlMs`; each step is one script. A store
 * that cannot be reached says so at once, and connects again by itself.
 */
export const redisDedupe = (options: RedisDedupeOptions = {}): RedisDedupe => {
  const { ttlMs = 600_000, maxReplyBytes = 65_536, ...where } = options
  const { settings, problems } = settingsOf(where)
  const random = secureRandom()
  const env = { clock: realClock, random, group: '', instance: freshId(random), log: () => undefined }
  let opened: Promise<Either<DedupeUnavailable, { readonly all: Links; readonly link: Link }>> | undefined
  let closing: Promise<void> | undefined

  const load = async (): Promise<Either<DedupeUnavailable, { readonly all: Links; readonly link: Link }>> => {
    const loaded = await driver(settings.name)()
    if (E.isLeft(loaded)) return unavailable(render(loaded.left))
    const all = links(loaded.right, settings, env)
    return E.right({ all, link: all.open('commands', 'the dedupe store') })
  }
  const connected = async (): Promise<Either<DedupeUnavailable, Wire>> => {
    if (closing !== undefined) return unavailable('it is closed')
    const way = await (opened ??= load())
    if (E.isLeft(way)) return way
    const wire = await way.right.link.attempt()
    return E.isLeft(wire) ? unavailable(render(wire.left)) : wire
  }

  const keyOf = (key: string): string =>
    `${settings.prefix}once:${createHash('sha256').update(key).digest('base64url')}`
  const step = async (
    work: Script,
    key: string,
    args: ReadonlyArray<Part>,
  ): Promise<Either<DedupeUnavailable, unknown>> => {
    const wire = await connected()
    if (E.isLeft(wire)) return wire
    try {
      return E.right(await wire.right.run(work, [keyOf(key)], args))
    } catch (error) {
      return unavailable(reasonOf(error))
    }
  }
  const close = async (): Promise<void> => {
    const way = await opened
    if (way !== undefined && E.isRight(way)) await way.right.all.close()
  }

  return {
    maxReplyBytes,
    begin: (key, leaseMs) => async () => {
      const token = freshId(random)
      const answer = await step(begin, key, [token, Math.max(1, Math.ceil(leaseMs))])
      return E.isLeft(answer) ? answer : read(answer.right, token)
    },
    complete: (key, token, reply) => () => step(complete, key, [token, written(reply), ttlMs]),
    abandon: (key, token) => () => step(abandon, key, [token]),
    problems: [
      ...problems,
      ...problem('ttlMs', 'a whole number from 1', !Number.isSafeInteger(ttlMs) || ttlMs < 1),
      ...problem('maxReplyBytes', 'a whole number from 0', !Number.isSafeInteger(maxReplyBytes) || maxReplyBytes < 0),
    ],
    close: () => (closing ??= close()),
  }
}
