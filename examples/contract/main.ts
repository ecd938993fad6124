/** Both sides over memory: `tsx examples/contract/main.ts`. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createClient, listen, orThrow, render } from 'taskwire'
import { memory } from 'taskwire/memory'
import { ratesOver } from './caller.js'
import { rates } from './service.js'

const say = (line: string) => (): void => {
  process.stdout.write(`${line}\n`)
}

const bus = memory()
const running = await orThrow(listen(rates(new Map([['EUR', 1]])).transport(bus)))
const client = createClient(bus)
const { convert, changed } = ratesOver(client)

const converted = (amount: number, to: string) =>
  pipe(
    convert({ amount, currency: 'EUR' }, to),
    TE.match(
      (error) => (error._tag === 'HandlerFailed' ? `unknown currency ${error.error.currency}` : render(error)),
      (money) => `${amount} EUR are ${money.amount} ${money.currency}`,
    ),
  )

say(await converted(10, 'NOK')())()
say(E.isRight(await changed('NOK', 11.5)()) ? 'the rate of NOK is known' : 'the rate was not taken')()
say(await converted(10, 'NOK')())()

await client.close()
await running.stop()
