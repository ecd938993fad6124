import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Kept } from '../core/endpoint.js'
import type { CallFailure, ClientError } from '../core/error.js'
import { issuesOf } from '../core/issues.js'
import type { Serde } from '../core/serde.js'
import type { Answer } from '../transport/transport.js'
import type { Route } from './message.js'

const read = (serde: Serde, codec: Kept<unknown> | undefined, body: Uint8Array): Either<CallFailure, unknown> => {
  try {
    const value = serde.parse(body)
    if (value._tag === 'Left') return E.left({ _tag: 'InvalidReply', issues: value.left })
    if (codec === undefined) return value
    const decoded = codec.decode(value.right)
    return decoded._tag === 'Left' ? E.left({ _tag: 'InvalidReply', issues: issuesOf(decoded.left) }) : decoded
  } catch {
    return E.left({
      _tag: 'InvalidReply',
      issues: [{ path: '', expected: 'a reply that can be read without an error' }],
    })
  }
}

/** What an answer means to the caller. A declared failure that does not decode is an `InvalidReply`. */
export const resultOf = (
  { reply, failure }: Pick<Route, 'reply' | 'failure'>,
  serde: Serde,
  answer: Answer,
): Either<ClientError<unknown>, unknown> => {
  switch (answer._tag) {
    case 'Accepted':
      return E.right(undefined)
    case 'Failing':
      return E.left(answer.error)
    case 'Reply': {
      if (answer.status === 'ok') return read(serde, reply, answer.body)
      const error = read(serde, failure, answer.body)
      return error._tag === 'Left' ? error : E.left({ _tag: 'HandlerFailed', error: error.right })
    }
  }
}
