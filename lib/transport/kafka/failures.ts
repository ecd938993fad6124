/** Errors of kafkajs, as those of the library. */
import type { ConnectError } from '../../core/error.js'
import { reasonOf, transportFailed } from '../broker/failing.js'

interface Foreign {
  readonly name?: unknown
  readonly type?: unknown
  readonly retriable?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

// n.b. kafkajs wraps what it gave up on, and the wrapper's own name says nothing
const chain = (error: unknown): ReadonlyArray<Foreign> => {
  const found: Array<Foreign> = []
  for (let one = error; typeof one === 'object' && one !== null && found.length < 8; one = (one as Foreign).cause) {
    found.push(one)
    const { errors } = one as Foreign
    if (Array.isArray(errors)) found.push(...(errors as ReadonlyArray<Foreign>))
  }
  return found
}

/** The error code of the broker behind an error, such as `UNKNOWN_TOPIC_OR_PARTITION`; `undefined` when no broker spoke. */
export const typeOf = (error: unknown): string | undefined => {
  const type = chain(error).find((one) => typeof one.type === 'string')?.type
  return typeof type === 'string' ? type : undefined
}

/** A broker has refused it, and would refuse it again. */
export const refusedForGood = (error: unknown): boolean =>
  chain(error).some(({ type, retriable }) => typeof type === 'string' && retriable === false)

const unauthorized = (error: unknown): boolean =>
  chain(error).some(
    ({ name, type }) =>
      name === 'KafkaJSSASLAuthenticationError' ||
      (typeof type === 'string' && (type.endsWith('_AUTHORIZATION_FAILED') || type === 'SASL_AUTHENTICATION_FAILED')),
  )

/** What failed, for whoever starts or connects. `what` says what was being done. */
export const connectError = (name: string, what: string, error: unknown): ConnectError =>
  unauthorized(error)
    ? { _tag: 'Unauthorized', message: `${what}: ${reasonOf(error)}` }
    : // n.b. another program has a group of this name: no member of it divides the partitions as the library does
      typeOf(error) === 'INCONSISTENT_GROUP_PROTOCOL'
      ? { _tag: 'TopologyMismatch', message: `${what}: ${reasonOf(error)}` }
      : transportFailed(name, `${what}: ${reasonOf(error)}`, error)
