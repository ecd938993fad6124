import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Pattern } from '../../../core/pattern.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { check, left, right, same } from '../expect.js'
import { refuses, type Definition, type Stage } from '../stage.js'

/** A service with one message handler and one event handler for each pattern, which say which one ran. */
const service = (
  patterns: ReadonlyArray<Pattern>,
  heard: Array<{ readonly handler: number; readonly payload: unknown }>,
): Definition =>
  patterns.reduce<Definition>(
    (so, pattern, handler) => ({
      ...so,
      endpoints: [
        ...so.endpoints,
        ...createMicroservice('patterns')
          .onMessage(pattern, t.unknown, () => TE.right(handler))
          .onEvent(pattern, t.unknown, (payload) => TE.fromIO(() => void heard.push({ handler, payload }))).endpoints,
      ],
    }),
    createMicroservice('patterns'),
  )

/** Whatever is sent to a pattern reaches the handlers of that pattern and no other. `spelt` is how the caller writes it. */
const noCrossTalk = async (
  { serve, call, until }: Stage,
  patterns: ReadonlyArray<Pattern>,
  spelt: ReadonlyArray<Pattern>,
): Promise<void> => {
  const heard: Array<{ readonly handler: number; readonly payload: unknown }> = []
  const client = call([await serve(service(patterns, heard))])
  for (const [i, pattern] of spelt.entries()) {
    const name = String(JSON.stringify(pattern))
    same(`the handler that answers ${name}`, right(`send to ${name}`, await client.send(pattern, i, t.number)()), i)
    right(`emit to ${name}`, await client.emit(pattern, i)())
  }
  await until(
    () => `every event arrives (${heard.length} of ${spelt.length} did)`,
    () => heard.length >= spelt.length,
  )
  for (const { handler, payload } of heard)
    same(`the handler that hears ${String(JSON.stringify(spelt[Number(payload)]))}`, handler, payload)
  same('events heard', heard.length, spelt.length)
}

const distinct = (stage: Stage): Promise<void> =>
  noCrossTalk(
    stage,
    [
      'users.get',
      'users.gets',
      { cmd: 'sum', version: 1 },
      { cmd: 'sum', version: 2 },
      { cmd: 'sum', version: '1' },
      '1',
      1,
      { a: { b: 1, c: 2 } },
    ],
    [
      'users.get',
      'users.gets',
      { version: 1, cmd: 'sum' },
      { version: 2, cmd: 'sum' },
      { version: '1', cmd: 'sum' },
      '1',
      1,
      { a: { c: 2, b: 1 } },
    ],
  )

const hostile: ReadonlyArray<Pattern> = [
  ...[
    'a.b',
    'a_b',
    'a-b',
    'a/b',
    'a:b',
    'a b',
    'a*b',
    'a#b',
    'a%b',
    'a%2Eb',
    'a..b',
    '.a',
    'a.',
    'A.B',
    'a.b ',
    ' a.b',
  ],
  ...[
    'a\tb',
    'a\nb',
    'a\\b',
    'a"b',
    '{"a":1}',
    '"a"',
    '[1]',
    'null',
    '$SYS',
    '../a',
    '日本.é',
    '🐙',
    '__proto__',
    'constructor',
  ],
  ...['toString', 'x'.repeat(200), `${'x'.repeat(199)}y`, 'reply.1', '@all'],
  ...[{ a: 1 }, { a: '1' }, { a: { b: 1 } }, { 'a.b': 1 }, { '': '' }, 0.5, '0.5', -1],
]
const impossible: ReadonlyArray<Pattern> = ['', 'x'.repeat(201), 'x'.repeat(5_000), '日'.repeat(67), 'lone \ud83d']

const mapping = async (stage: Stage): Promise<void> => {
  await noCrossTalk(stage, hostile, hostile)

  const client = stage.call([
    await stage.serve(createMicroservice('empty').onEvent('a', t.unknown, () => TE.right(undefined))),
  ])
  for (const pattern of impossible) {
    const started = await stage.attempt(createMicroservice('x').onEvent(pattern, t.unknown, () => TE.right(undefined)))
    left('listen with an impossible pattern', started, 'InvalidDefinition')
    left('send to an impossible pattern', await client.send(pattern, 1, t.unknown)(), 'InvalidPayload')
    left('emit to an impossible pattern', await client.emit(pattern, 1)(), 'InvalidPayload')
  }
  for (const pattern of ['a.*', '#']) left('emit to a wildcard', await client.emit(pattern, 1)(), 'InvalidPayload')
  await wildcards(stage)
}

const wildcards = async (stage: Stage): Promise<void> => {
  const heard: Array<string> = []
  const definition = ['orders.*', 'orders.#', '#', 'orders.*.paid'].reduce<Definition>(
    (so, pattern) => ({
      ...so,
      endpoints: [
        ...so.endpoints,
        ...createMicroservice('wild').onEvent(pattern, t.unknown, (_, context) =>
          TE.fromIO(() => void heard.push(`${pattern} ${context.pattern}`)),
        ).endpoints,
      ],
    }),
    createMicroservice('wild'),
  )
  if (!stage.capabilities.wildcards) {
    left('listen with wildcards', await stage.attempt(definition), 'Unsupported')
    await refuses(
      stage,
      createMicroservice('w').onEvent('a', t.unknown, () => TE.right(undefined)),
      'wildcards',
    )
    return
  }
  const client = stage.call([await stage.serve(definition)])
  const expected = [
    'orders.* orders.a',
    'orders.# orders.a',
    '# orders.a',
    'orders.# orders.a.paid',
    '# orders.a.paid',
    'orders.*.paid orders.a.paid',
    '# other',
  ]
  for (const pattern of ['orders.a', 'orders.a.paid', 'other']) right('emit', await client.emit(pattern, 1)())
  await stage.until(
    () => `wildcards hear (${heard.length} of ${expected.length})`,
    () => heard.length >= expected.length,
  )
  same('what wildcards heard', [...heard].sort(), expected.sort())
  check(
    heard.every((one) => !one.endsWith('*')),
    'context.pattern is the one the message was sent to',
  )
}

export const patterns: ReadonlyArray<Guarantee> = [
  {
    id: 'C03',
    title: 'What is sent to one pattern reaches no other; object patterns match whatever the order of their keys.',
    examine: distinct,
  },
  {
    id: 'C04',
    title:
      'Patterns of hostile text stay apart from each other, impossible ones are typed errors, and wildcards keep to the flag.',
    examine: mapping,
  },
]
