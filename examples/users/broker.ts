/** A broker for the time of the example, unless the environment names one that runs already. */
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Kind } from './transports.js'

const variables = { redis: 'REDIS_URL', amqp: 'AMQP_URL', kafka: 'KAFKA_BROKERS' } as const

const messageOf = (cause: unknown): string => (cause as { readonly message?: string }).message ?? String(cause)

/** Runs `use` while there is a broker of this kind; the service's process inherits the variable with its address. */
export const withBroker = <A>(
  kind: Kind,
  say: (line: string) => void,
  use: TaskEither<string, A>,
): TaskEither<string, A> => {
  if (kind === 'tcp' || process.env[variables[kind]] !== undefined) return use
  const variable = variables[kind]
  return TE.bracket(
    TE.tryCatch(async () => {
      // n.b. the specs' own harness: a program would be given the address of the broker it has
      const { startBroker } = await import('../../spec/brokers/broker.js')
      const broker = await startBroker(kind)
      process.env[variable] = broker.url
      say(`no ${variable} is set: started a broker at ${broker.host}:${String(broker.port)}`)
      return broker
    }, messageOf),
    () => use,
    (broker) =>
      pipe(
        TE.tryCatch(() => broker.stop(), messageOf),
        TE.map(() => undefined),
      ),
  )
}
