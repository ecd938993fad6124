/** The `users` service: a plain function of what it depends on. It knows no transport. */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice } from 'taskwire'
import { UserCreated, UsersGet } from './contract.js'
import type { UserRepository } from './repository.js'

export const users = ({ insert, find }: UserRepository) =>
  createMicroservice('users')
    .handle(UserCreated, (user) => insert(user))
    .handle(UsersGet, ({ id }) => pipe(find(id), TE.chainW(TE.fromOption(() => ({ _tag: 'NotFound' as const, id })))))
