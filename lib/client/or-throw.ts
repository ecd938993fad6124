import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { render } from '../core/render.js'

const nameOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && '_tag' in error && typeof error._tag === 'string'
    ? error._tag
    : 'Error'

/**
 * For async/await code: runs a TaskEither and resolves with its Right. A Left rejects with an Error whose `name` is the
 * tag and whose `cause` is the tagged error itself.
 */
export const orThrow = async <E, A>(te: TaskEither<E, A>): Promise<A> => {
  const result = await te()
  if (result._tag === 'Right') return result.right
  const { left } = result
  const message = render(left as never) as string | undefined
  throw Object.assign(new Error(message ?? nameOf(left), { cause: left }), { name: nameOf(left) })
}
