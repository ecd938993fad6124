/** Waiting for the first connection of a pool. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { ConnectError } from '../../core/error.js'
import { transportFailed } from './failing.js'
import { where } from './peer.js'
import type { Peer } from './peer.js'

/**
 * What came of dialling `peers`, whose `failures` were `before`: `undefined` while an attempt is under way and none has
 * succeeded.
 */
export const outcome = (
  name: string,
  peers: ReadonlyArray<Peer>,
  before: ReadonlyMap<Peer, number>,
): Either<ConnectError, void> | undefined => {
  if (peers.some((one) => one.link() !== undefined)) return E.right(undefined)
  if (peers.some((one) => one.state() !== 'closed' && one.failures() <= (before.get(one) ?? 0))) return undefined
  const ending = peers[0]?.failed()
  if (ending?.unauthorized === true) return E.left({ _tag: 'Unauthorized', message: ending.reason })
  const each = peers.map((one) => `${where(one.address)} (${one.failed()?.reason ?? 'closed'})`)
  return E.left(transportFailed(name, `cannot reach ${each.join(', ')}`, ending?.cause))
}
