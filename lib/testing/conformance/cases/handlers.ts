import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { delays } from '../../../core/retry.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { gate, right, same } from '../expect.js'
import { reports } from '../reports.js'
import type { Stage } from '../stage.js'

const isolated = async ({ serve, call, until }: Stage): Promise<void> => {
  const door = gate()
  const completed: Array<string> = []
  const slow = (name: string) => () => async () => {
    await door.passed
    completed.push(name)
    return E.right(undefined)
  }
  const running = await serve(
    createMicroservice('three')
      .onEvent('shared', t.unknown, slow('first'))
      .onEvent(
        'shared',
        t.unknown,
        () => {
          throw new Error('at once')
        },
        { retry: delays() },
      )
      .onEvent('shared', t.unknown, slow('third')),
  )
  const outcomes = reports(running)
  right('emit', await call([running]).emit('shared', 1)())
  await until('the failure is reported', () => outcomes.length > 0)
  same(
    'what is reported while the others run',
    outcomes.map(({ endpoint, _tag }) => `${endpoint} ${_tag}`),
    ['shared#2 Defect'],
  )
  door.open()
  await until('the other two complete', () => completed.length === 2 && outcomes.length >= 3)
  same('who completed', [...completed].sort(), ['first', 'third'])
  same('what is reported', outcomes.map(({ endpoint, _tag }) => `${endpoint} ${_tag}`).sort(), [
    'shared Done',
    'shared#2 Defect',
    'shared#3 Done',
  ])
}

const bound = async (stage: Stage): Promise<void> => {
  const other = await stage.apart()
  const one = stage.world.transport('one')
  const two = other.world.transport('two')
  const seen: Array<string> = []
  const running = await stage.serveOn(
    createMicroservice('bound')
      .transport(one)
      .transport(two)
      .onEvent(
        'told',
        t.string,
        (n, c) =>
          TE.fromIO(() => {
            seen.push(`first: ${n} by ${c.name} ${c.transport}`)
          }),
        { on: ['one'] },
      )
      .onEvent(
        'told',
        t.string,
        (n, c) =>
          TE.fromIO(() => {
            seen.push(`second: ${n} by ${c.name} ${c.transport}`)
          }),
        { on: ['two'] },
      )
      .onEvent('told', t.string, (n, c) =>
        TE.fromIO(() => {
          seen.push(`both: ${n} by ${c.name} ${c.transport}`)
        }),
      )
      .onMessage('asked', t.unknown, (_, c) => TE.right(`first by ${c.name}`), { on: ['one'], reply: t.string })
      .onMessage('asked', t.unknown, (_, c) => TE.right(`second by ${c.name}`), { on: ['two'], reply: t.string }),
  )
  const clients = {
    a: stage.callOn(stage.world.client([running], 'one')),
    b: other.callOn(other.world.client([running], 'two')),
  }
  right('emit', await clients.a.emit('told', 'a')())
  right('emit', await clients.b.emit('told', 'b')())
  same('who answers on the first', right('send', await clients.a.send('asked', 1, t.string)()), 'first by one')
  same('who answers on the second', right('send', await clients.b.send('asked', 1, t.string)()), 'second by two')
  await stage.until(
    () => `both transports deliver (${seen.length} of 4)`,
    () => seen.length >= 4,
  )
  const expected = [
    `first: a by one ${one.kind}`,
    `both: a by one ${one.kind}`,
    `second: b by two ${two.kind}`,
    `both: b by two ${two.kind}`,
  ]
  same('who heard what', [...seen].sort(), expected.sort())
  same('transports of the health report', Object.keys(running.health().transports).sort(), ['one', 'two'])
}

export const handlers: ReadonlyArray<Guarantee> = [
  {
    id: 'C38',
    title:
      'Of three handlers of one event one throws at once: the other two complete, and the failure is reported once.',
    examine: isolated,
  },
  {
    id: 'C39',
    title:
      'A handler that is bound to one transport does not run for another, and its context says by which one a message came.',
    examine: bound,
  },
]
