/** A server on TCP that is killed and started again, with calls under way. */
import * as E from 'fp-ts/lib/Either.js'
import { expect } from 'vitest'
import { freePort } from '../brokers/port.js'
import { cast } from './cast.js'
import { fault } from './fault.js'
import { ask } from './load.js'

fault(
  'F01',
  'tcp',
  'When a server is killed and started again under load, requests marked idempotent are all answered; of the others none runs twice, and those without an answer say that they may have run.',
  async (trial) => {
    const { page, until, figure } = trial
    const { spawn, call, pull } = cast(trial, 'tcp', `tcp://127.0.0.1:${await freePort()}`)
    let server = await spawn({ by: 'server 0', handlerMs: 5, concurrency: 32 })
    const client = call()
    expect(await ask(client, page, 0)).toEqual(E.right(0))

    const once = 1_000_000
    let over = false
    let answered = 0
    let next = 1
    const unanswered: Array<E.Either<{ readonly _tag: string }, number>> = []
    const lane = async (from: number, idempotent: boolean): Promise<void> => {
      while (!over) {
        const n = from + next++
        const result = await ask(client, page, n, 60_000, { idempotent })
        if (E.isRight(result)) answered += 1
        else if (idempotent) throw new Error(`request ${n}: ${JSON.stringify(result.left)}`)
        else unanswered.push(result)
      }
    }
    const lanes = Promise.all(
      [true, false].flatMap((safe) => Array.from({ length: 10 }, () => lane(safe ? 0 : once, safe))),
    )
    const work = async (): Promise<void> => {
      for (const [index, signal] of (['SIGKILL', 'SIGKILL', 'SIGKILL', 'SIGTERM'] as const).entries()) {
        const goal = answered + 300
        await until(`300 more are answered before ${signal}`, () => answered > goal)
        trial.fault(signal)
        const failed = unanswered.length
        server.signal(signal)
        await server.ended
        server = await spawn({ by: `server ${index + 1}`, handlerMs: 5, concurrency: 32 })
        const began = performance.now()
        const now = answered
        await until('requests are answered again', () => answered > now)
        figure(`answeredAgainAfter${index + 1}Ms`, Math.round(performance.now() - began))
        // A server that stops in order answers what it has, and sends back the rest.
        if (signal === 'SIGTERM') expect(unanswered.length).toBe(failed)
      }
      over = true
    }
    await Promise.all([work(), lanes])
    for (const one of unanswered) expect(one).toEqual(E.left({ _tag: 'Disconnected', maybeProcessed: true }))
    pull()
    const runs = new Map<number, number>()
    for (const line of page.lines)
      if (line.what === 'answered' && line.id >= once) runs.set(line.id, (runs.get(line.id) ?? 0) + 1)
    expect(runs.size).toBeGreaterThan(100)
    expect([...runs].filter(([, times]) => times > 1)).toEqual([])
    figure('requestsAnswered', answered)
    figure('requestsThatMayHaveRun', unanswered.length)
  },
)
