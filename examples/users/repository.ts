/** Where users are kept. In memory here; with a database the type stays and the two functions change. */
import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { User } from './contract.js'

export interface AlreadyExists {
  readonly _tag: 'AlreadyExists'
  readonly id: string
}

export interface UserRepository {
  readonly insert: (user: User) => TaskEither<AlreadyExists, void>
  readonly find: (id: string) => TaskEither<never, Option<User>>
  readonly size: IO<number>
}

export const inMemory = (): UserRepository => {
  const users = new Map<string, User>()
  return {
    insert: (user) =>
      TE.fromIOEither(() => {
        if (users.has(user.id)) return E.left({ _tag: 'AlreadyExists', id: user.id })
        users.set(user.id, user)
        return E.right(undefined)
      }),
    find: (id) => TE.fromIO(() => O.fromNullable(users.get(id))),
    size: () => users.size,
  }
}
