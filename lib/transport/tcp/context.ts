/** What handlers are told about a message that came over TCP. */
import * as O from 'fp-ts/lib/Option.js'
import type { Option } from 'fp-ts/lib/Option.js'
import { makeContext } from '../../core/context.js'
import type { Context } from '../../core/context.js'
import { noHeaders } from '../../core/envelope.js'
import { fixtureContext } from '../../core/fixture.js'
import { metaKey } from './key.js'
import type { Routed } from './route.js'

export interface TcpContext<out N extends string = 'tcp'> extends Context<N> {
  readonly transport: 'tcp'
  /** The other end's address, without its port. */
  readonly remoteAddress: string
  /** What `authenticate` answered for the connection; `undefined` without that option. */
  readonly principal: unknown
}

/** A context for calling handlers of the TCP transport as plain functions; give `name` for another token. */
export const tcpContext = <const N extends string = 'tcp'>(fields: Partial<TcpContext<N>> = {}): TcpContext<N> => ({
  ...fixtureContext({ transport: 'tcp', name: 'tcp' as N, remoteAddress: '127.0.0.1', principal: undefined }),
  ...fields,
})

/** Of the connection a message came by. */
export interface Origin {
  readonly name: string
  readonly remoteAddress: string
  readonly principal: unknown
  /** Makes ids for messages that have none: unique to the connection. */
  readonly prefix: string
}

export const contextOf = (origin: Origin, routed: Routed, id: number, deadline: Option<number>): TcpContext<string> => {
  const { meta } = routed
  const messageId = meta?.text(metaKey.messageId) ?? origin.prefix + String(id)
  return makeContext({
    transport: 'tcp' as const,
    name: origin.name,
    pattern: routed.route.pattern,
    messageId,
    correlationId: meta === undefined ? messageId : (meta.text(metaKey.correlationId) ?? messageId),
    causationId: meta === undefined ? O.none : O.fromNullable(meta.text(metaKey.causationId)),
    headers: meta === undefined ? noHeaders : meta.headers,
    attempt: 1,
    deadline,
    remoteAddress: origin.remoteAddress,
    principal: origin.principal,
  })
}

/** Its sender gave it an id. */
export const isIdentified = ({ meta }: Routed): boolean => meta?.text(metaKey.messageId) !== undefined

export const noDeadline: Option<number> = O.none
