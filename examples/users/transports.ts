/** The transports this example runs on; one more would be one more entry here. */
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Address } from 'taskwire'
import { tcp } from 'taskwire/tcp'

const transports = {
  tcp: {
    /** Where the service listens. */
    serving: (port: number) => tcp({ port }),
    /** How the gateway reaches it. */
    calling: (address: Address) => tcp({ endpoints: [address] }),
  },
} as const

export type Kind = keyof typeof transports

export const kindOf = (text: string): Either<string, Kind> =>
  Object.hasOwn(transports, text)
    ? E.right(text as Kind)
    : E.left(`no transport ${JSON.stringify(text)}; there is ${Object.keys(transports).join(', ')}`)

export const serving = (kind: Kind, port: number) => transports[kind].serving(port)
export const calling = (kind: Kind, address: Address) => transports[kind].calling(address)
