import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { render } from '../core/render.js'

const nameOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && '_tag' in error && typeof error._tag === 'string'
    ? error._tag
    : 'Error'

// n.b. any TaskEither may come here: an error of somebody else may carry one of our tags and nothing that belongs to it
const messageOf = (error: unknown): string =>
  E.getOrElse(() => nameOf(error))(
    E.tryCatch(
      () => (render(error as never) as string | undefined) ?? nameOf(error),
      () => undefined,
    ),
  )

/**
 * For async/await code: runs a TaskEither and resolves with its Right. A Left rejects with an Error whose `name` is the
 * tag and whose `cause` is the tagged error itself.
 */
export const orThrow = async <E, A>(te: TaskEither<E, A>): Promise<A> => {
  const result = await te()
  if (result._tag === 'Right') return result.right
  const { left } = result
  throw Object.assign(new Error(messageOf(left), { cause: left }), { name: nameOf(left) })
}
