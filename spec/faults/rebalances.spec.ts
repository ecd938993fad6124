/** A group on Kafka whose members come and go while they handle events. */
import { expect } from 'vitest'
import { namesOf } from '../../lib/transport/kafka/names.js'
import { withBroker } from '../brokers/suite.js'
import { foreign, type Foreign } from '../transport/kafka/subject.js'
import { cast } from './cast.js'
import { fault, type Trial } from './fault.js'
import { keyOf, load, patterns } from './load.js'
import { overtaken } from './order.js'
import type { Page } from './page.js'
import { pause } from './waiting.js'
import { group } from './worker.js'

const everyMs = 2_000
const lastingMs = 40_000
const keys = 20
const keyed = (id: number): string => keyOf(id, keys)

/** Where the group stood at some time, and how much of the history was written by then. */
interface Sample {
  readonly partition: number
  readonly offset: number
  readonly entries: number
}

/** Looks at the group's positions until it is told to stop. */
const watch = (program: Foreign, prefix: string, page: Page, pull: () => void) => {
  const names = namesOf(prefix)
  const topic = names.events(patterns.event)
  const samples: Array<Sample> = []
  let over = false
  const looking = (async () => {
    for (; !over; await pause(50)) {
      const [found] = await program.admin.fetchOffsets({ groupId: names.group(group), topics: [topic] })
      pull()
      for (const { partition, offset } of found?.partitions ?? [])
        if (Number(offset) > 0) samples.push({ partition, offset: Number(offset), entries: page.entries.length })
    }
  })()
  return async (): Promise<{ readonly samples: ReadonlyArray<Sample>; readonly early: ReadonlyArray<string> }> => {
    over = true
    await looking
    const handledAt = new Map<number, number>()
    for (const [i, { what, id }] of page.entries.entries())
      if (what === 'handled' && !handledAt.has(id)) handledAt.set(id, i)
    const records = await program.read(topic)
    const early = samples.flatMap(({ partition, offset, entries }) =>
      records
        .filter((one) => one.partition === partition && Number(one.offset) < offset)
        .filter(({ value }) => (handledAt.get(Number(value)) ?? Infinity) >= entries)
        .map((one) => `${partition}/${one.offset} was not handled when ${offset} was committed`),
    )
    return { samples, early }
  }
}

/** Handlers of which each key has one at a time, in the order of its numbers; what else happens is noted. */
const keeping = ({ page }: Trial, pull: () => void) => {
  const running = new Map<string, number>()
  const wrong: Array<string> = []
  return {
    wrong,
    work: (by: string) => (id: number) => async () => {
      const key = keyed(id)
      const other = running.get(key)
      if (other !== undefined) wrong.push(`${id} began while ${other} of the same key was being handled`)
      running.set(key, id)
      await pause(20 + Math.random() * 80)
      running.delete(key)
      // n.b. first what other processes have written down before
      pull()
      page.handled(id, by)
      return { _tag: 'Right', right: undefined } as const
    },
  }
}

await withBroker('kafka', (url) => {
  fault(
    'F20',
    'kafka',
    'While members of a group come, go and die, every two seconds, only what is handled without a gap is committed, keys keep their order, and nothing is lost.',
    async (trial) => {
      const { page, until, drained, figure } = trial
      const { site, serve, spawn, call, pull } = cast(trial, 'kafka', url)
      const { work, wrong } = keeping(trial, pull)
      const join = (by: string) => serve({ by, work: work(by) })
      await join('resident')
      const program = await foreign([url])
      const ended = watch(program, site.prefix, page, pull)

      let emitting = true
      let next = 0
      const loading = (async () => {
        const client = call()
        for (; emitting; next += 200)
          await load(client, page, { from: next, to: next + 200, window: 10, pace: 90, keys })
      })()
      await until('the group is at work', () => page.count('handled') > 50)

      const end = performance.now() + lastingMs
      const guests: Array<Awaited<ReturnType<typeof serve>>> = []
      let changes = 0
      for (let turn = 0; performance.now() < end; turn++) {
        const rest = pause(everyMs)
        if (turn % 8 === 4) {
          const mortal = await spawn({ by: `mortal-${turn}`, handlerMs: 50 })
          trial.fault('a process joins, and gets SIGKILL')
          await pause(everyMs)
          mortal.signal('SIGKILL')
          changes += 2
        } else if (guests.length < 2 && turn % 2 === 0) {
          trial.fault('a member joins')
          guests.push(await join(`guest-${turn}`))
          changes += 1
        } else {
          trial.fault('a member leaves')
          await guests.shift()?.stop()
          changes += 1
        }
        await rest
      }
      emitting = false
      await loading
      await drained(pull)
      const { samples, early } = await ended()
      await program.close()

      figure('changesOfTheGroup', changes)
      figure('positionsLookedAt', samples.length)
      expect(early.slice(0, 5)).toEqual([])
      expect(wrong.slice(0, 5)).toEqual([])
      expect(overtaken(page, keyed).slice(0, 5)).toEqual([])
      expect(new Set(samples.map(({ partition }) => partition)).size).toBe(3)
      for (const by of ['guest', 'mortal'])
        expect(page.entries.some((one) => one.what === 'handled' && one.by.startsWith(by))).toBe(true)
      expect(Object.fromEntries(page.errors)).toEqual({})
    },
  )
})
