/** A transport with something between it and the library: to look, or to do harm. */
import * as E from 'fp-ts/lib/Either.js'
import type { Connection, Transport } from '../../transport/transport.js'

/** The same transport, each of its connections changed by `change`. */
export const tap = (transport: Transport, change: (connection: Connection) => Partial<Connection>): Transport => ({
  ...transport,
  connect: (environment) => async () => {
    const connected = await transport.connect(environment)()
    return E.isLeft(connected) ? connected : E.right({ ...connected.right, ...change(connected.right) })
  },
})
