/** docs/conformance.md, from the cases of the transports of this package. */
import { format, resolveConfig } from 'prettier'
import { conformance, laterCases } from 'taskwire/testing'
import type { Case } from 'taskwire/testing'
import type { Examined } from './subjects.js'

interface Column {
  readonly name: string
  readonly cases: ReadonlyArray<Case>
  readonly gaps: Examined['gaps']
}

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

/** The whole page. */
export const page = async (examined: ReadonlyArray<Examined>): Promise<string> => {
  const columns: ReadonlyArray<Column> = examined.map(({ subject, gaps }) => ({
    name: subject.name,
    cases: conformance(subject),
    gaps,
  }))
  // The guarantee itself, for the first column of the table, whatever the others have.
  const able = examined[0]?.subject
  if (able === undefined) throw new Error('a page needs a column')
  const all = Object.fromEntries(Object.keys(able.capabilities).map((flag) => [flag, true]))
  const guarantees = conformance({ ...able, capabilities: { ...able.capabilities, ...all } })

  const cell = (id: string, { cases, gaps }: Column): string =>
    Object.hasOwn(gaps, id)
      ? 'not yet'
      : cases.find((one) => one.id === id)?.support === 'native-or-layer'
        ? 'yes'
        : 'weaker'
  const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(' | ')} |`
  const table = [
    row(['', 'guarantee', ...columns.map(({ name }) => name)]),
    row(['---', '---', ...columns.map(() => '---')]),
    ...guarantees.map(({ id, title }) => row([id, title, ...columns.map((column) => cell(id, column))])),
  ]
  const weaker = guarantees.flatMap(({ id }) => {
    const absent = columns.filter(({ cases }) => cases.some((one) => one.id === id && one.support === 'absent'))
    const title = absent[0]?.cases.find((one) => one.id === id)?.title
    return title === undefined ? [] : [`- ${id} (${absent.map(({ name }) => name).join(', ')}): ${title}`]
  })
  const missing = columns.flatMap(({ name, gaps }) =>
    Object.entries(gaps).map(([id, reason]) => `- ${id} (${name}): ${reason}.`),
  )
  const text = [
    intro,
    '## The guarantees',
    '',
    ...table,
    '',
    '## What holds where a transport lacks the capability',
    '',
    ...weaker,
    '',
    ...(missing.length === 0 ? [] : ['## Not yet', '', ...missing, '']),
    '## Not examined yet',
    '',
    ...laterCases.map(({ id, title, reason }) => `- ${id}: ${title} ${reason}`),
    '',
  ].join('\n')
  return format(text, { ...(await resolveConfig('docs/conformance.md')), parser: 'markdown' })
}
