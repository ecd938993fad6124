/** Writes services of n endpoints (a third events, a third messages with codecs, a third object patterns) as source text. */

const codecs = (i: number): string =>
  `const Req${i} = t.type({ id: t.string, n${i}: t.number })
const Res${i} = t.type({ id: t.string, name: t.string, at: t.string, k${i}: t.number })
const Err${i} = t.type({ _tag: t.literal('Err${i}'), id: t.string })
`

const endpoint = (i: number): string =>
  i % 3 === 0
    ? `  .onEvent('ev.${i}', Req${i}, (p, c) => p.id === c.messageId ? TE.right(undefined) : TE.left({ _tag: 'Err${i}' as const, id: p.id }))\n`
    : i % 3 === 1
      ? `  .onMessage('msg.${i}', Req${i}, (p, c) => p.n${i} > c.attempt ? TE.right({ id: p.id, name: 'x', at: '', k${i}: p.n${i} }) : TE.left({ _tag: 'Err${i}' as const, id: p.id }), { reply: Res${i}, failure: Err${i} })\n`
      : `  .onMessage({ cmd: 'c${i}' }, Req${i}, (p) => TE.right(p.n${i}), { concurrency: ${i} })\n`

const call = (i: number): string =>
  i % 3 === 0
    ? `export const r${i} = run.emit('ev.${i}')({ id: '', n${i}: 1 })\n`
    : i % 3 === 1
      ? `export const r${i} = run.send('msg.${i}')({ id: '', n${i}: 1 })\n`
      : `export const r${i} = run.send({ cmd: 'c${i}' })({ id: '', n${i}: 1 })\n`

const head = `import * as t from 'io-ts'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { createMicroservice } from 'taskwire'
import { inject } from 'taskwire/testing'
import { tcp } from 'taskwire/tcp'
import { kafka } from 'taskwire/kafka'
`
const start = `export const s = createMicroservice('a').transport(tcp({ port: 1 })).transport(kafka({ brokers: [], name: 'audit' }))\n`

const range = (n: number): ReadonlyArray<number> => Array.from({ length: n }, (_, i) => i)

/** One chain of n endpoints, and a call of each through `inject`. File names to source texts; `s.ts` is the entry. */
export const chain = (n: number): ReadonlyMap<string, string> =>
  new Map([
    [
      's.ts',
      head +
        range(n).map(codecs).join('') +
        start +
        range(n).map(endpoint).join('') +
        'export const run = inject(s)\n' +
        range(n).map(call).join(''),
    ],
  ])

/** n endpoints in definitions of ten, included by one service, and a call of each through `inject`. */
export const included = (n: number): ReadonlyMap<string, string> => {
  const groups = range(Math.ceil(n / 10)).map((k) => range(n).slice(k * 10, k * 10 + 10))
  const files = groups.map((group, k): readonly [string, string] => [
    `g${k}.ts`,
    head +
      group.map(codecs).join('') +
      `export const g${k} = createMicroservice('g${k}')\n` +
      group.map(endpoint).join(''),
  ])
  const entry =
    head +
    groups.map((_, k) => `import { g${k} } from './g${k}.js'\n`).join('') +
    start +
    groups.map((_, k) => `  .include(g${k})\n`).join('') +
    'export const run = inject(s)\n' +
    range(n).map(call).join('')
  return new Map([...files, ['s.ts', entry]])
}
