/**
 * Two processes: this one is the gateway, the `users` service is the other. They talk over TCP, or through a broker.
 * Run it with `npm run example`, or `npm run example -- --transport redis` (`amqp`, `kafka`).
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { createClient } from 'taskwire'
import { withBroker } from './broker.js'
import { startUsers, stopUsers, type Child } from './child.js'
import { arrived, ask, importUsers, type Verdict } from './gateway.js'
import { calling, kindOf, type Kind } from './transports.js'

const say = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const messageOf = (cause: unknown): string => (cause as { readonly message?: string }).message ?? String(cause)

const transportOf = (args: ReadonlyArray<string>): E.Either<string, Kind> =>
  pipe(
    E.tryCatch(
      () => parseArgs({ args: [...args], options: { transport: { type: 'string', default: 'tcp' } } }),
      messageOf,
    ),
    E.chain(({ values }) => kindOf(values.transport)),
  )

const lines = TE.tryCatch(
  async () => (await readFile(fileURLToPath(new URL('./users.jsonl', import.meta.url)), 'utf8')).trimEnd().split('\n'),
  messageOf,
)

const count = (verdicts: ReadonlyArray<Verdict>, tag: Verdict['_tag']): number =>
  verdicts.filter(({ _tag }) => _tag === tag).length

// What the gateway does with a running service; the Left is a failure of the whole example.
const gateway =
  (kind: Kind) =>
  ({ address }: Child): TaskEither<string, string> =>
    TE.bracket(
      TE.rightIO(() => createClient(calling(kind, address))),
      (client) =>
        pipe(
          lines,
          TE.chain((all) => importUsers(client, say, all)),
          TE.chainFirst(() => pipe(['u-1001', 'u-1024', 'u-1037'], TE.traverseSeqArray(arrived(client)))),
          TE.chainFirst(() =>
            pipe(
              ['u-1001', 'u-1024', 'u-9999'],
              TE.traverseSeqArray(ask(client)),
              TE.chainFirstIOK((replies) => () => replies.forEach(say)),
            ),
          ),
          TE.map(
            (verdicts) =>
              `${verdicts.length} lines: ${count(verdicts, 'accepted')} accepted, ` +
              `${count(verdicts, 'refused')} refused by the service, ${count(verdicts, 'skipped')} skipped as no JSON`,
          ),
        ),
      (client) => TE.fromTask(client.close),
    )

const main: TaskEither<string, string> = pipe(
  TE.fromEither(transportOf(process.argv.slice(2))),
  // The service is stopped whatever becomes of the gateway.
  TE.chain((kind) => withBroker(kind, say, TE.bracket(startUsers(kind, say), gateway(kind), stopUsers))),
)

const result = await main()
if (result._tag === 'Right') say(result.right)
else {
  process.stderr.write(`the example failed: ${result.left}\n`)
  process.exitCode = 1
}
