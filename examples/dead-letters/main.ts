/**
 * What an operator does about dead letters, from the first look to an empty list. `npx tsx examples/dead-letters/main.ts`
 * does it in memory; with `REDIS_URL=...` the letters lie in Redis, and nobody could tell from this file.
 */
import { setTimeout } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import { createClient, deadLetters, listen, orThrow, type DeadLetter } from 'taskwire'
import { memory } from 'taskwire/memory'
import { redis } from 'taskwire/redis'
import { Lenient, payments, Strict, type Charge } from './service.js'

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const url = process.env['REDIS_URL']
const transport = url === undefined ? memory() : redis({ url, prefix: process.env['PREFIX'] ?? 'dead-letters.' })

let up = false
const charged: Array<string> = []
const charge: Charge = ({ id, cents }) => {
  const answer = !up ? E.left('down' as const) : cents < 0 ? E.left('declined' as const) : E.right(undefined)
  if (E.isRight(answer)) charged.push(id)
  return () => Promise.resolve(answer)
}

const until = async (so: () => boolean | Promise<boolean>): Promise<void> => {
  for (let looks = 0; !(await so()); looks++) {
    if (looks === 1_000) throw new Error('it takes too long')
    await setTimeout(20)
  }
}

// A night on which the provider was down: two good payments, one that it will decline, one that the codec refuses.
const before = payments(Strict, charge).transport(transport)
const night = await orThrow(listen(before))
const client = createClient(transport)
const due = [
  { id: 'p-1', cents: 500 },
  { id: 'p-2', cents: 700 },
  { id: 'p-3', cents: -1 },
  { id: 'p-4', cents: '900' },
]
for (const payment of due) await orThrow(client.emit('payment.due', payment, { messageId: payment.id }))
const letters = deadLetters(before)
await until(async () => (await orThrow(letters.list())).length === due.length)

// The next morning: what lies there, and why.
const told = ({ messageId, endpoint, reason }: DeadLetter): string =>
  `${messageId} of ${endpoint}: ${reason._tag} after ${reason.attempts} starts, ${reason.message}`
for (const line of (await orThrow(letters.list())).map(told).sort()) say(line)

// The provider is back. What ran out of attempts is worth another one: tried first, then done.
up = true
const exhausted = ({ reason }: DeadLetter): boolean => reason._tag === 'AttemptsExhausted'
const plan = await orThrow(letters.redrive({ where: exhausted, dryRun: true }))
say(`would put back ${plan.redriven}, refuse ${plan.refused}, keep ${plan.kept}`)
const done = await orThrow(letters.redrive({ where: exhausted }))
say(`put back ${done.redriven}, refused ${done.refused}, kept ${done.kept}`)
await until(async () => charged.length === 2 && (await orThrow(letters.list())).length === 2)
say(`charged ${[...charged].sort().join(', ')}`)

// What the codec refuses would only come back. A version that reads it is tried on the letters before it is deployed.
for (const { messageId, issues } of (await orThrow(letters.redrive({ dryRun: true }))).refusals)
  say(
    `${messageId} would be refused: ${issues.map(({ path, expected }) => `${path} should be ${expected}`).join(', ')}`,
  )
await night.stop()
const after = payments(Lenient, charge).transport(transport)
const invalid = await orThrow(deadLetters(after).redrive({ where: ({ reason }) => reason._tag === 'InvalidPayload' }))
say(`put back ${invalid.redriven} for the new version`)
const day = await orThrow(listen(after))
await until(() => charged.length === 3)
say(`charged ${charged.at(-1) ?? ''}`)

// What the provider has declined is nothing that another attempt could change.
const { purged } = await orThrow(deadLetters(after).purge({ where: ({ replays }) => replays > 0 }))
say(`dropped ${purged}, left ${(await orThrow(letters.list())).length}`)

await client.close()
await day.stop()
