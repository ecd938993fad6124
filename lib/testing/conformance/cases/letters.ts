import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { delays } from '../../../core/retry.js'
import { json, type Serde } from '../../../core/serde.js'
import { createMicroservice } from '../../../microservice.js'
import type { Guarantee } from '../case.js'
import { broken, check, left, right, same } from '../expect.js'
import { reports } from '../reports.js'
import { refuses, type Definition, type Stage } from '../stage.js'
import type { LetterOf } from '../../../letters/types.js'
import type { AnyEndpoint } from '../../../core/endpoint.js'

// Sends text as it is, so that what is no JSON can be sent, and JSON in a form that is not ours.
const verbatim: Serde = { ...json, serialize: (value) => E.right(String(value)) }
const bytesOf = (text: string): ReadonlyArray<number> => [...new TextEncoder().encode(text)]

interface Doomed {
  readonly name: string
  readonly text: string
  readonly reason: string
  readonly attempts: number
}
const doomed: ReadonlyArray<Doomed> = [
  { name: 'permanent', text: '{ "n" :  1,\t"do": "fail" }', reason: 'HandlerFailed', attempts: 1 },
  { name: 'defect', text: '{"n":2,"do":"throw"}', reason: 'AttemptsExhausted', attempts: 2 },
  { name: 'retryable', text: '{"n":3,"do":"try again"}', reason: 'AttemptsExhausted', attempts: 2 },
  { name: 'undecodable', text: '{ "n": "three" }', reason: 'InvalidPayload', attempts: 0 },
  { name: 'garbage', text: '{"n": \u0001 ü three', reason: 'InvalidPayload', attempts: 0 },
]

/** Its handler does as it is told. */
const obedient = (ran: Array<string>): Definition =>
  createMicroservice('obedient', {
    retry: delays(20),
    classify: (error) => (error === 'try again' ? 'retryable' : 'permanent'),
  }).onEvent('order', t.type({ n: t.number, do: t.string }), (order, context) => () => {
    ran.push(context.messageId)
    return order.do === 'throw' ? Promise.reject(new Error('thrown')) : Promise.resolve(E.left(order.do))
  })

const lettersOf = async (
  { letters, until }: Stage,
  definition: Definition,
  count: number,
): Promise<ReadonlyArray<LetterOf<AnyEndpoint>>> => {
  const look = letters(definition).list({ limit: Infinity })
  let found = right('a look at the dead letters', await look())
  // n.b. one at a time: each opens a connection
  let looking = false
  await until(
    () => `${count} dead letters are there (${found.length} are)`,
    () => {
      if (found.length >= count || looking) return !looking
      looking = true
      void look().then((result) => {
        looking = false
        if (result._tag === 'Right') found = result.right
      })
      return false
    },
  )
  same('dead letters', found.length, count)
  return found
}

const buried = async (stage: Stage): Promise<void> => {
  const ran: Array<string> = []
  const definition = obedient(ran)
  const client = stage.call([await stage.serve(definition)], { serde: verbatim })
  const headers = { 'X-Kopf': 'ü', empty: '' }
  for (const { name, text } of doomed) await client.emit('order', text, { messageId: name, headers, key: name })()
  const letters = await lettersOf(stage, definition, doomed.length)
  for (const { name, text, reason, attempts } of doomed) {
    const letter = letters.find(({ messageId }) => messageId === name) ?? broken(`no dead letter has the id '${name}'`)
    same(`the bytes of '${name}'`, [...(letter.body ?? [])], bytesOf(text))
    same(`the headers of '${name}'`, { ...letter.headers }, headers)
    const { endpoint, pattern, key } = letter
    same(`the place of '${name}'`, { endpoint, pattern, key }, { endpoint: 'order', pattern: 'order', key: name })
    const { _tag, message } = letter.reason
    same(`the reason of '${name}'`, { reason: _tag, attempts: letter.reason.attempts }, { reason, attempts })
    check(!message.includes('three'), `the reason of '${name}' tells a value of its payload`)
    if (name === 'undecodable') check(message.includes('n: number'), `'${message}' does not tell the path`)
    same(`starts of '${name}'`, ran.filter((id) => id === name).length, attempts)
  }
}

const dropped = async (stage: Stage): Promise<void> => {
  const ran: Array<string> = []
  await refuses(stage, obedient([]), 'deadLetter')
  for (const deadLetter of [true, 'elsewhere']) {
    const started = await stage.attempt(
      createMicroservice('x').onEvent('x', t.unknown, () => () => Promise.resolve(E.right(undefined)), { deadLetter }),
    )
    left(`listen with deadLetter: ${String(deadLetter)}`, started, 'Unsupported')
  }
  left('a look at dead letters', await stage.letters(obedient([])).list()(), 'Unsupported')
  const running = await stage.serve(obedient(ran))
  const outcomes = reports(running)
  const client = stage.call([running], { serde: verbatim })
  for (const { name, text } of doomed) {
    const result = await client.emit('order', text, { messageId: name })()
    if (result._tag === 'Left') left(`emit of '${name}'`, result, 'InvalidPayload')
  }
  const ends = () => outcomes.filter(({ settlement }) => settlement === 'Dropped')
  await stage.until(
    () => `all are reported as dropped (${ends().length} are)`,
    () => ends().length >= doomed.length,
  )
  same(
    'what was dropped',
    ends()
      .map(({ messageId }) => messageId)
      .sort(),
    doomed.map(({ name }) => name).sort(),
  )
  for (const { name, attempts } of doomed) same(`starts of '${name}'`, ran.filter((id) => id === name).length, attempts)
}

const unwritable = async (stage: Stage): Promise<void> => {
  const definition = obedient([])
  const running = await stage.serve(definition)
  const client = stage.call([running])
  const mend = await (
    stage.world.breakDeadLetters ?? broken('a transport with dead letters needs world.breakDeadLetters')
  )()
  const outcomes = reports(running)
  right('emit', await client.emit('order', { n: 1, do: 'fail' }, { messageId: 'stranded' })())
  await stage.until('the handler fails', () => outcomes.length === 1)
  // n.b. where they cannot be written, it may be that they cannot be read
  const lying = await stage.letters(definition).list()()
  same('dead letters while none can be written', lying._tag === 'Right' ? lying.right.length : 0, 0)
  await mend()
  const [letter] = await lettersOf(stage, definition, 1)
  same('the dead letter once they can be written', letter?.messageId, 'stranded')
}

const redriven = async (stage: Stage): Promise<void> => {
  const seen: Array<string> = []
  let well = false
  const definition = createMicroservice('mended').onEvent('mend', t.number, (n, context) => () => {
    if (well) seen.push(`${n} ${context.messageId} ${context.attempt} ${String(context.headers['h'])}`)
    return Promise.resolve(well ? E.right(undefined) : E.left('broken'))
  })
  const bystander = createMicroservice('bystander').onEvent('mend', t.number, (n) => () => {
    seen.push(`bystander ${n}`)
    return Promise.resolve(E.right(undefined))
  })
  const running = [await stage.serve(definition), await stage.serve(bystander)]
  const client = stage.call(running)
  for (const n of [1, 2, 3])
    right('emit', await client.emit('mend', n, { messageId: `id-${n}`, headers: { h: 'kept' } })())
  await lettersOf(stage, definition, 3)
  await stage.until('the other service is through', () => seen.length === 3)
  well = true
  const redrive = stage.letters(definition).redrive()
  const all = { redriven: 3, refused: 0, refusals: [], kept: 0 }
  same('what a redrive puts back', right('a redrive', await redrive()), all)
  same('what a second redrive puts back', right('a redrive', await redrive()), { ...all, redriven: 0 })
  await stage.until('they are handled', () => seen.length >= 6)
  await lettersOf(stage, definition, 0)
  same(
    'what was handled',
    [...seen].sort(),
    [...[1, 2, 3].map((n) => `${n} id-${n} 1 kept`), ...[1, 2, 3].map((n) => `bystander ${n}`)].sort(),
  )
}

const lacks = ({ deadLetter }: Stage['capabilities']): boolean => !deadLetter
const explicit = async (stage: Stage): Promise<void> => {
  await refuses(stage, obedient([]), 'deadLetter')
  left('a redrive', await stage.letters(obedient([])).redrive()(), 'Unsupported')
  same('what the world can break', stage.world.breakDeadLetters, undefined)
}

export const letters: ReadonlyArray<Guarantee> = [
  {
    id: 'C21',
    title:
      'What cannot be handled is set aside with its bytes, headers, reason and attempts; what does not decode runs no handler.',
    examine: buried,
    unless: {
      lacks,
      title: 'What cannot be handled is dropped and reported; asking for dead letters keeps a service from starting.',
      examine: dropped,
    },
  },
  {
    id: 'C22',
    title: 'While no dead letter can be written, what should become one stays with its endpoint.',
    examine: unwritable,
    unless: { lacks, title: 'There is no dead letter to write.', examine: explicit },
  },
  {
    id: 'C23',
    title: 'A redrive puts dead letters back to their endpoint with their ids, and a second one finds nothing.',
    examine: redriven,
    unless: { lacks, title: 'There is no dead letter to put back.', examine: explicit },
  },
]
