/** docs/conformance.md, from what the cases of the transports of this package came to. */
import { format, resolveConfig } from 'prettier'
import { laterCases } from 'taskwire/testing'
import type { Case } from 'taskwire/testing'
import type { Result } from './results.js'

const intro = `# Conformance

What every transport promises, as cases that anybody can run with whatever test runner. A subject is a transport and a
way to make a world of it for each case: a broker of its own (or none, as here), a transport to listen on, and one for
callers.

\`\`\`ts
import { test } from 'node:test'
import { tcp } from 'taskwire/tcp'
import { conformance, type Subject } from 'taskwire/testing'

const subject: Subject = {
  name: 'tcp',
  capabilities: tcp().capabilities,
  world: async () => ({
    transport: (name) => tcp({ name }),
    client: (replicas, name) =>
      tcp({ name, endpoints: replicas.flatMap(({ addresses }) => addresses[name] ?? []) }),
    dispose: async () => undefined,
  }),
}

for (const { id, title, run } of conformance(subject)) void test(\`\${id} \${title}\`, () => run())
\`\`\`

A case rejects with a sentence that says what was broken. \`conformanceMatrix(cases)\` runs cases without a test runner and
tells how each ended. Run them one after another: each looks at what it has left behind in the process.

What a transport can do comes from its capabilities. Where the flag of a case is true, the guarantee is shown, and it does
not matter whether the transport or the library keeps it. Where it is false, the case shows the flag, that asking for the
capability with \`require\` keeps a service from starting, and the weaker behaviour.
`

/** The column of a transport. */
export interface Column {
  readonly name: string
  readonly results: ReadonlyArray<Result>
}

/** The whole page. `guarantees` are the cases of a transport that can do everything. */
export const page = async (guarantees: ReadonlyArray<Case>, columns: ReadonlyArray<Column>): Promise<string> => {
  const cell = (id: string, { results }: Column): string => {
    const result = results.find((one) => one.id === id)
    return result?.passed !== true ? 'fails' : result.support === 'native-or-layer' ? 'yes' : 'weaker'
  }
  const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(' | ')} |`
  const table = [
    row(['', 'guarantee', ...columns.map(({ name }) => name)]),
    row(['---', '---', ...columns.map(() => '---')]),
    ...guarantees.map(({ id, title }) => row([id, title, ...columns.map((column) => cell(id, column))])),
  ]
  const weaker = guarantees.flatMap(({ id }) => {
    const absent = columns.flatMap(({ name, results }) =>
      results.filter((one) => one.id === id && one.support === 'absent').map(({ title }) => ({ name, title })),
    )
    return absent.length === 0
      ? []
      : [`- ${id} (${absent.map(({ name }) => name).join(', ')}): ${absent[0]?.title ?? ''}`]
  })
  const text = [
    intro,
    '## The guarantees',
    '',
    'Each cell is how the case ended in the run that wrote this page.',
    '',
    ...table,
    '',
    '## What holds where a transport lacks the capability',
    '',
    ...weaker,
    '',
    '## Not examined yet',
    '',
    ...laterCases.map(({ id, title, reason }) => `- ${id}: ${title} ${reason}`),
    '',
  ].join('\n')
  return format(text, { ...(await resolveConfig('docs/conformance.md')), parser: 'markdown' })
}
