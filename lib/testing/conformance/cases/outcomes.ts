import * as t from 'io-ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { delays } from '../../../core/retry.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { check, eventually, gate, left, right, same } from '../expect.js'
import { throwingParts } from '../parts.js'
import { reports } from '../reports.js'
import type { Definition, Stage } from '../stage.js'

const done = { _tag: 'Right', right: undefined } as const

const unknownPattern = async ({ serve, call, until, capabilities, letters }: Stage): Promise<void> => {
  const seen: Array<unknown> = []
  const service = createMicroservice('known')
    .onEvent('known', t.unknown, (payload) => TE.fromIO(() => void seen.push(payload)))
    .onMessage('ask', t.unknown, () => TE.right('answer'))
  const running = await serve(service)
  const outcomes = reports(running)
  const client = call([running])
  const asked = await client.send('unknown', 1, t.unknown, { timeout: 1_000 })()
  // n.b. a transport that cannot know whether somebody answers may still know that nobody ever has
  const ends = capabilities.noHandler ? ['NoHandler'] : ['NoHandler', 'TimeoutError']
  left('a request with an unknown pattern', asked, ...ends)
  await client.emit('unknown', 1)()
  // A pattern of the other kind is unknown too.
  left(
    'a request with the pattern of an event',
    await client.send('known', 2, t.unknown, { timeout: 1_000 })(),
    ...ends,
  )
  await client.emit('ask', 3)()
  right('emit', await client.emit('known', 4)())
  await until('the known event arrives', () => seen.length > 0)
  same('what was handled', seen, [4])
  same(
    'what was reported',
    outcomes.map(({ pattern }) => pattern),
    ['known'],
  )
  if (capabilities.deadLetter) same('dead letters', right('a look at them', await letters(service).list()()), [])
  check(running.health().ready, 'the service is ready')
}

const secret = 'top-secret'
const misbehaviours: Readonly<Record<string, () => TaskEither<never, void>>> = {
  throws: () => {
    throw new Error(secret)
  },
  'throws text': () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- handlers do such things
    throw secret
  },
  'throws nothing': () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- handlers do such things
    throw undefined
  },
  rejects: () => () => Promise.reject(new Error(secret)),
  'throws later': () => async () => {
    await Promise.resolve()
    throw new Error(secret)
  },
  'is no TaskEither': () => secret as never,
  'resolves with no Either': () => (() => Promise.resolve(secret)) as never,
}

const misbehaving = async ({ serve, call, patience }: Stage): Promise<void> => {
  const never = gate()
  const once = { retry: delays(), timeout: 100 }
  const names = Object.keys(misbehaviours)
  const definition = Object.entries(misbehaviours).reduce<Definition>(
    (so, [name, handler]) => ({
      ...so,
      endpoints: [
        ...so.endpoints,
        ...createMicroservice('unruly', once).onEvent(name, t.unknown, handler).onMessage(name, t.unknown, handler)
          .endpoints,
      ],
    }),
    createMicroservice('unruly', once)
      .onEvent('never settles', t.unknown, () => () => never.passed.then(() => done))
      .onMessage('never settles', t.unknown, () => () => never.passed.then(() => done))
      .onMessage('well', t.unknown, () => TE.right('well')),
  )
  const running = await serve(definition)
  const outcomes = reports(running)
  const client = call([running])
  for (const name of names) {
    right(`emit '${name}'`, await client.emit(name, 1)())
    const answer = await client.send(name, 1, t.unknown)()
    left(`a handler that ${name}`, answer, 'Internal')
    check(!JSON.stringify(answer).includes(secret), `the answer of a handler that ${name} tells what was thrown`)
  }
  right('emit', await client.emit('never settles', 1)())
  left('a handler that never settles', await client.send('never settles', 1, t.unknown)(), 'TimeoutError')
  await eventually(
    patience + 2_000,
    () => `every start is reported (${outcomes.length} of ${2 * names.length + 2})`,
    () => outcomes.length >= 2 * names.length + 2,
  )
  for (const { pattern, _tag, kind, settlement } of outcomes) {
    same(`the outcome of a handler that ${pattern}`, _tag, pattern === 'never settles' ? 'TimedOut' : 'Defect')
    if (kind === 'message') same(`the settlement of a request whose handler ${pattern}`, settlement, 'Fail')
    else
      check(
        settlement === 'DeadLetter' || settlement === 'Dropped',
        `an event whose handler ${pattern} was settled with ${settlement}`,
      )
  }
  same('a handler beside them', right('send', await client.send('well', 1, t.string)()), 'well')
  check(running.health().ready, 'the service is ready')
  never.open()
}

/** A handler that ignores its signal, and one that obeys it. */
const timeLimit = async ({ serve, call, until, patience }: Stage): Promise<void> => {
  const door = gate()
  const aborted: Array<unknown> = []
  const starts: Array<string> = []
  const options = { timeout: 60, retry: delays(20), concurrency: 4 }
  const running = await serve(
    createMicroservice('slow')
      .onEvent(
        'deaf',
        t.unknown,
        (_, context) => async () => {
          starts.push(`deaf ${context.attempt}`)
          if (context.attempt > 1) return done
          context.signal.addEventListener('abort', () => aborted.push(context.signal.reason))
          await door.passed
          return done
        },
        options,
      )
      .onEvent(
        'polite',
        t.unknown,
        (_, context) => async () => {
          starts.push(`polite ${context.attempt}`)
          if (context.attempt > 1) return done
          await new Promise<void>((resolve) => {
            context.signal.addEventListener('abort', () => {
              resolve()
            })
          })
          return done
        },
        options,
      )
      .onEvent(
        'laned',
        t.string,
        (name, context) => async () => {
          starts.push(`${name} ${context.attempt}`)
          if (name === 'lane' && context.attempt === 1) await door.passed
          return done
        },
        options,
      )
      .onMessage(
        'asked',
        t.unknown,
        (_, context) => async () => {
          context.signal.addEventListener('abort', () => aborted.push(context.signal.reason))
          await door.passed
          return { _tag: 'Right', right: 'late' } as const
        },
        { timeout: 60 },
      ),
  )
  const outcomes = reports(running)
  const of = (pattern: string) =>
    outcomes
      .filter((one) => one.pattern === pattern)
      .map(({ _tag, settlement, attempt }) => `${_tag} ${settlement} ${attempt}`)
  const client = call([running])
  right('emit', await client.emit('deaf', 1)())
  right('emit', await client.emit('polite', 1)())
  for (const name of ['lane', 'next in lane']) right('emit', await client.emit('laned', name, { key: 'k' })())
  left('a request past the time limit of its handler', await client.send('asked', 1, t.unknown)(), 'TimeoutError')
  // n.b. a handler that ignores its signal keeps its event for a second of grace
  await eventually(patience + 2_000, 'both are started again', () =>
    ['deaf 2', 'polite 2'].every((one) => starts.includes(one)),
  )
  same('the reason of the signals', aborted, ['timeout', 'timeout'])
  check(!starts.includes('next in lane 1'), 'the next of a key started before the late one has ended')
  door.open()
  await until(
    'the late results are reported',
    () => of('deaf').length === 3 && of('polite').length === 3 && of('asked').length === 2,
  )
  same('of a handler that ignores its signal', [...of('deaf')].sort(), [
    'Done Ack 2',
    'Done Late 1',
    'TimedOut Retry 1',
  ])
  same('of a handler that obeys its signal', [...of('polite')].sort(), [
    'Done Ack 2',
    'Done Late 1',
    'TimedOut Retry 1',
  ])
  same('of a request', of('asked'), ['TimedOut Fail 1', 'Done Late 1'])
  await until('the lane goes on', () => starts.includes('next in lane 1'))
  same('starts', [...starts].sort(), ['deaf 1', 'deaf 2', 'lane 1', 'lane 2', 'next in lane 1', 'polite 1', 'polite 2'])
}

export const outcomes: ReadonlyArray<Guarantee> = [
  {
    id: 'C24',
    title: 'What has no handler is NoHandler to its caller where that can be known, and touches nobody else.',
    examine: unknownPattern,
  },
  {
    id: 'C25',
    title:
      'A handler that throws, rejects, throws what is no Error or never settles is a typed outcome, and the process goes on.',
    examine: async (stage) => {
      await misbehaving(stage)
      await throwingParts(stage)
    },
  },
  {
    id: 'C26',
    title:
      'A handler past its time limit: its signal fires, its event is retried once, its late result is dropped and reported.',
    examine: timeLimit,
  },
]
