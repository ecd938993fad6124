/** The dead letters of a service: for each pattern a stream, which is walked in pages. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { ConnectError } from '../../core/error.js'
import type { DeadLetter, LetterVerdict, Swept } from '../../core/letter.js'
import type { LetterSource, LetterStore } from '../transport.js'
import { field } from '../broker/attributes.js'
import { isLetterField, readLetter } from '../broker/letter.js'
import { messageOf } from './context-of.js'
import { entryOf, partsWith, type Entry } from './entry.js'
import { connectFailed } from './errors.js'
import { groupKeys, streamOf, type GroupKeys } from './keys.js'
import * as scripts from './scripts.js'
import type { Shared } from './shared.js'
import type { Wire } from './wire.js'

/** Entries of a page: each may have a body of 1 MiB. */
const mostOfPage = 32

/** Shows one page after the other until `look` says that it was the last. */
const walk = async (
  { redis }: Wire,
  stream: string,
  look: (page: ReadonlyArray<Entry>) => boolean | Promise<boolean>,
): Promise<void> => {
  const [last] = await redis.xrevrangeBuffer(stream, '+', '-', 'COUNT', 1)
  if (last === undefined) return
  const end = String(last[0])
  for (let from = '-', full = true; full;) {
    const entries = await redis.xrangeBuffer(stream, from, end, 'COUNT', mostOfPage)
    const page = entries.map(([id, fields]) => entryOf(String(id), fields))
    full = page.length === mostOfPage
    from = `(${page.at(-1)?.id ?? end}`
    if (!(await look(page))) return
  }
}

type Home = Pick<DeadLetter, 'endpoint' | 'pattern' | 'service'>

// n.b. what another program has put there is a letter too, of the endpoint that listens on the pattern, where it is one alone
const letterOf = (stream: string, entry: Entry, home: Home): DeadLetter => {
  const source = `${stream}/${entry.id}`
  const { described, messageId } = messageOf(entry, source)
  const otherwise = { ...home, source, messageId, reason: 'put here by another program', attempts: 0 }
  return readLetter(entry.fields, described, entry.body, otherwise)
}

const ofItsDeath = (name: string): boolean =>
  isLetterField(name) || name === field.attempt || name === field.firstFailedAt

const putBack = async ({ run }: Wire, { dead, retry }: GroupKeys, entry: Entry, letter: DeadLetter): Promise<number> =>
  Number(
    await run(
      scripts.redrive,
      [dead, retry],
      [
        entry.id,
        ...partsWith(entry, ofItsDeath, {
          [field.endpoint]: letter.endpoint,
          [field.origin]: letter.source,
          [field.replays]: String(letter.replays + 1),
        }),
      ],
    ),
  )

// Waits for all of them, also where one fails.
const settled = async (moves: ReadonlyArray<Promise<number>>): Promise<number> => {
  await Promise.allSettled(moves)
  return (await Promise.all(moves)).reduce((sum, one) => sum + one, 0)
}

const applied = async (
  wire: Wire,
  keys: GroupKeys,
  verdict: (letter: DeadLetter) => LetterVerdict,
  home: Home,
): Promise<Swept> => {
  let redriven = 0
  let dropped = 0
  await walk(wire, keys.dead, async (page) => {
    const unwanted: Array<string> = []
    const moves: Array<Promise<number>> = []
    // n.b. given at once and executed in this order: one round trip for a page, and the order of a key is kept
    const more = page.every((entry) => {
      const letter = letterOf(keys.dead, entry, home)
      const is = verdict(letter)
      if (is === 'drop') unwanted.push(entry.id)
      if (is === 'redrive') moves.push(putBack(wire, keys, entry, letter))
      return is !== 'stop'
    })
    redriven += await settled(moves)
    if (unwanted.length > 0) dropped += await wire.redis.xdel(keys.dead, ...unwanted)
    return more
  })
  return { redriven, dropped }
}

/** The places where dead letters of these endpoints lie. */
export const letterStores =
  ({ commands, settings: { name, prefix }, env: { group } }: Pick<Shared, 'commands' | 'settings' | 'env'>) =>
  (sources: ReadonlyArray<LetterSource>): ReadonlyArray<LetterStore> =>
    [...new Set(sources.map(({ pattern }) => pattern))].map((pattern): LetterStore => {
      const [endpoint = '', ...others] = sources.filter((one) => one.pattern === pattern).map((one) => one.endpoint)
      const keys = groupKeys(streamOf(prefix, pattern), group)
      const home: Home = { endpoint: others.length === 0 ? endpoint : '', pattern, service: group }
      const open =
        <A>(work: (wire: Wire) => Promise<A>) =>
        async (): Promise<Either<ConnectError, A>> => {
          const opened = await commands.attempt()
          if (E.isLeft(opened)) return opened
          try {
            return E.right(await work(opened.right))
          } catch (error) {
            return E.left(connectFailed(name, `dead letters in ${keys.dead}`, error))
          }
        }
      return {
        read: (look) =>
          open((wire) =>
            walk(wire, keys.dead, (page) => page.every((entry) => look(letterOf(keys.dead, entry, home)))),
          ),
        sweep: (verdict) => open((wire) => applied(wire, keys, verdict, home)),
      }
    })
