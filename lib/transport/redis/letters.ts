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
const page = 32

/** Shows each entry until `look` says that it was the last. */
const walk = async ({ redis }: Wire, stream: string, look: (entry: Entry) => Promise<boolean>): Promise<void> => {
  const [last] = await redis.xrevrangeBuffer(stream, '+', '-', 'COUNT', 1)
  if (last === undefined) return
  const end = String(last[0])
  for (let from = '-', full = true; full;) {
    const entries = await redis.xrangeBuffer(stream, from, end, 'COUNT', page)
    full = entries.length === page
    for (const [id, fields] of entries) {
      from = `(${String(id)}`
      if (!(await look(entryOf(String(id), fields)))) return
    }
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

const applied = async (
  wire: Wire,
  keys: GroupKeys,
  verdict: (letter: DeadLetter) => LetterVerdict,
  home: Home,
): Promise<Swept> => {
  let redriven = 0
  let dropped = 0
  await walk(wire, keys.dead, async (entry) => {
    const letter = letterOf(keys.dead, entry, home)
    switch (verdict(letter)) {
      case 'stop':
        return false
      case 'keep':
        return true
      case 'drop':
        dropped += await wire.redis.xdel(keys.dead, entry.id)
        return true
      case 'redrive':
        redriven += await putBack(wire, keys, entry, letter)
        return true
    }
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
          open((wire) => walk(wire, keys.dead, (entry) => Promise.resolve(look(letterOf(keys.dead, entry, home))))),
        sweep: (verdict) => open((wire) => applied(wire, keys, verdict, home)),
      }
    })
