/** The other side: turns a file of records into events, and asks about some of them. It knows the contract alone. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { retrying } from 'retry-ts/lib/Task.js'
import { delays, render, type Client, type ClientError } from 'taskwire'
import { User, UserCreated, UsersGet } from './contract.js'
import { places } from './places.js'

/** What became of one line of the file. */
export interface Verdict {
  readonly _tag: 'accepted' | 'refused' | 'skipped'
  readonly detail: string
}

const parse = E.tryCatchK(
  (text: string): unknown => JSON.parse(text),
  () => 'not JSON',
)

const idOf = (record: unknown): string =>
  typeof record === 'object' && record !== null && 'id' in record ? String(record.id) : ''

// Over TCP the service refuses a payload with paths and expected types; a broker takes it, and the service sets it aside.
// Everything else is the machinery, and ends the import.
const refusal = (error: ClientError<never>): E.Either<string, Verdict> =>
  error._tag === 'InvalidPayload'
    ? E.right({ _tag: 'refused', detail: `InvalidPayload: ${places(error.issues)}` })
    : E.left(render(error))

// The record goes out as it came, not as a User: it is the service that decides what it takes.
const emit = (client: Client, record: unknown): TaskEither<string, Verdict> =>
  pipe(
    client.emit(UserCreated.pattern, record),
    TE.map((): Verdict => ({ _tag: 'accepted', detail: idOf(record) })),
    TE.orElse((error) => TE.fromEither(refusal(error))),
  )

/** Emits `user.created` for each line of JSON, one after another; the Left says why it could not go on. */
export const importUsers = (
  client: Client,
  say: (line: string) => void,
  lines: ReadonlyArray<string>,
): TaskEither<string, ReadonlyArray<Verdict>> =>
  pipe(
    lines,
    TE.traverseSeqArrayWithIndex((index, text) =>
      pipe(
        text.trim() === '' ? E.left('an empty line') : parse(text),
        E.match(
          (why) => TE.right<string, Verdict>({ _tag: 'skipped', detail: why }),
          (record) => emit(client, record),
        ),
        TE.chainFirstIOK(({ _tag, detail }) => () => {
          say(`line ${String(index + 1).padStart(2)}  ${_tag}  ${detail}`)
        }),
      ),
    ),
  )

/** Asks `users.get`. NotFound is an answer like any other: the service declared it, and the contract gives it its type. */
export const ask =
  (client: Client) =>
  (id: string): TaskEither<string, string> =>
    pipe(
      client.send(UsersGet, { id }, { timeout: 2_000 }),
      TE.map((user) => `users.get ${id}  ${JSON.stringify(User.encode(user))}`),
      TE.orElse((error) =>
        error._tag === 'HandlerFailed'
          ? TE.right(`users.get ${id}  ${error.error._tag}: there is no user ${error.error.id}`)
          : TE.left(`users.get ${id}: ${render(error)}`),
      ),
    )

// Up to 10 s.
const patience = delays(...Array.from({ length: 100 }, () => 100))

/** Waits until `users.get` knows a user: an event is accepted before it is handled. */
export const arrived =
  (client: Client) =>
  (id: string): TaskEither<string, void> =>
    pipe(
      retrying(
        patience,
        () => client.send(UsersGet, { id }, { timeout: 2_000 }),
        (result) => result._tag === 'Left' && result.left._tag === 'HandlerFailed',
      ),
      TE.bimap(render, () => undefined),
    )
