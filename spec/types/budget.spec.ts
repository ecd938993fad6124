import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { afterAll, describe, expect, it } from 'vitest'
import { chain, included } from './support/generate.js'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..')
const generated = join(here, 'generated')

/** Compiles files under the repository's own settings; the diagnostics, and how many types were instantiated. */
const compile = (name: string, files: ReadonlyMap<string, string>) => {
  const folder = join(generated, name)
  mkdirSync(folder, { recursive: true })
  for (const [file, text] of files) writeFileSync(join(folder, file), text)
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    readonly config: object
  }
  const parsed = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const program = ts.createProgram([join(folder, 's.ts')], { ...parsed.options, noEmit: true, skipLibCheck: true })
  // Only the service is checked, as it is for a user, who has the library's declarations and not its sources.
  const errors = program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.startsWith(folder))
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
  return { errors, instantiations: program.getInstantiationCount() }
}

afterAll(() => {
  rmSync(generated, { recursive: true, force: true })
})

describe('the cost of the builder and of inject stays within its budget', () => {
  it.each([
    ['a chain of 60 endpoints', chain(60), 65_000],
    ['60 endpoints included by tens', included(60), 57_000],
    ['a chain of 240 endpoints', chain(240), 510_000],
    ['240 endpoints included by tens', included(240), 375_000],
  ])('%s', { timeout: 120_000 }, (name, files, most) => {
    const { errors, instantiations } = compile(name.replaceAll(' ', '-'), files)
    expect(errors).toEqual([])
    expect(instantiations).toBeLessThan(most)
    expect(instantiations).toBeGreaterThan(most / 2)
  })
})
