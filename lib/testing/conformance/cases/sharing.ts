import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import type { Capabilities } from '../../../transport/transport.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { each, emitAll } from '../emit.js'
import { check, pause, right, same, turn } from '../expect.js'
import { duplicates, history, ids, lost, unheardOf, type History } from '../history.js'
import { refuses, type Definition, type Stage } from '../stage.js'

const replica = (group: string, page: History, by: string, work?: () => Promise<void>): Definition =>
  createMicroservice(group)
    .onMessage(
      'ask',
      t.number,
      (n) =>
        TE.fromTask(async () => {
          await work?.()
          return n
        }),
      { concurrency: 8 },
    )
    .onEvent(
      'jobs',
      t.number,
      (id) => async () => {
        await work?.()
        page.handled(id, by)
        return { _tag: 'Right', right: undefined }
      },
      { concurrency: 8 },
    )

const fanOut = async ({ serve, call, until }: Stage): Promise<void> => {
  const page = history()
  const running = [await serve(replica('users', page, 'users')), await serve(replica('mailer', page, 'mailer'))]
  await emitAll(call(running), 'jobs', page, { to: 50 })
  await until(
    () => `each service gets all 50 (${page.count('handled')} of 100)`,
    () => page.count('handled') >= 100,
  )
  for (const by of ['users', 'mailer'])
    same(
      `what ${by} got`,
      [...ids(page, 'handled', by)].sort((a, b) => a - b),
      Array.from({ length: 50 }, (_, i) => i),
    )
}
const onlyOne = async (stage: Stage): Promise<void> => {
  const page = history()
  await refuses(stage, replica('refused', page, ''), 'fanOut')
  const running = [
    await stage.serve(replica('users', page, 'users')),
    await stage.serve(replica('mailer', page, 'mailer')),
  ]
  await emitAll(stage.call(running), 'jobs', page, { to: 50 })
  await stage.until('all 50 are handled', () => page.count('handled') >= 50)
  await pause(20)
  same('handled twice', duplicates(page), [])
}

const competing = async ({ serve, call, until }: Stage): Promise<void> => {
  const page = history()
  const names = ['a', 'b', 'c', 'd']
  const running = await Promise.all(names.map((name) => serve(replica('workers', page, name, turn))))
  await emitAll(call(running), 'jobs', page, { to: 10_000 })
  await until(
    () => `all are handled (${page.count('handled')} of 10,000)`,
    () => page.count('handled') >= 10_000,
  )
  same('handled twice', duplicates(page), [])
  same('lost', lost(page), [])
  same('never emitted', unheardOf(page), [])
  for (const name of names) {
    const share = ids(page, 'handled', name).length
    check(share >= 500, `replica ${name} handled ${share} of 10,000: not a share`)
  }
}

// A client that knows the next replicas takes over while the last one still has events under way.
const scaling = async ({ serve, call, until }: Stage): Promise<void> => {
  const page = history()
  const total = 6_000
  const start = (by: string) => serve(replica('workers', page, by, turn))
  const first = await start('a')
  const begun = emitAll(call([first]), 'jobs', page, { to: total / 3, window: 100 })
  await until('the first replica works', () => page.count('handled') >= 200)
  const more = await Promise.all(['b', 'c', 'd'].map(start))
  const [second, third, fourth] = more
  const client = call([first, ...more])
  const loaded = emitAll(client, 'jobs', page, { from: total / 3, to: total, window: 100 })
  const asked = each({ to: 2_000, window: 50 }, async (n) => {
    same(`the reply to request ${n}`, right('send', await client.send('ask', n, t.number)()), n)
  })
  await until('the new replicas work', () => ['b', 'c', 'd'].every((by) => ids(page, 'handled', by).length > 0))
  const inFlight = page.count('emitted') - page.count('handled')
  await Promise.all([third?.stop(), fourth?.stop()])
  await Promise.all([begun, loaded, asked])
  check(second !== undefined && second.health().ready, 'the replicas that stay are ready')
  await until(
    () => `nothing is lost (${lost(page).length} are)`,
    () => page.count('handled') >= page.count('confirmed') && lost(page).length === 0,
  )
  check(
    duplicates(page).length <= inFlight,
    `${duplicates(page).length} duplicates, with ${inFlight} in flight at hand-over`,
  )
}

const broadcast = ({ competing: shared, fanOut: all }: Capabilities): boolean => !shared && all
const everyReplica = async (stage: Stage): Promise<void> => {
  const page = history()
  await refuses(stage, replica('refused', page, ''), 'competing')
  const running = [await stage.serve(replica('workers', page, 'a')), await stage.serve(replica('workers', page, 'b'))]
  await emitAll(stage.call(running), 'jobs', page, { to: 50 })
  await stage.until('each replica gets all 50', () => page.count('handled') >= 100)
}
const unless = {
  lacks: broadcast,
  title: 'Replicas do not share the work: each of them gets every event.',
  examine: everyReplica,
}

export const sharing: ReadonlyArray<Guarantee> = [
  {
    id: 'C09',
    title: 'Two services that hear an event each get all 50.',
    examine: fanOut,
    unless: {
      lacks: (capabilities) => !capabilities.fanOut,
      title: 'Services do not share events: each of 50 goes to one of those that its caller knows.',
      examine: onlyOne,
    },
  },
  {
    id: 'C10',
    title: 'Of 10,000 events, four replicas of a service handle each exactly once, and each replica has its share.',
    examine: competing,
    unless,
  },
  {
    id: 'C11',
    title:
      'From one replica to four to two under load no event is lost, no more are repeated than were in flight, and no request fails.',
    examine: scaling,
    unless,
  },
]
