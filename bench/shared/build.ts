/**
 * Compiles the library and the measured programs into a folder of their own with the package's compiler options, and
 * without a type check. Run through tsx, every closure would be wrapped to keep its name, which the published package
 * does not do; and the shared dist/ may be old, or be rebuilt under a running benchmark.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = fileURLToPath(new URL('../..', import.meta.url))
export const bench = join(root, 'bench')

const compilerOptions = (): ts.CompilerOptions => {
  const file = ts.readConfigFile(join(root, '.config', 'tsconfig.esm.json'), (path) => readFileSync(path, 'utf8'))
  const { options } = ts.parseJsonConfigFileContent(
    file.config,
    { ...ts.sys, readDirectory: () => [] },
    join(root, '.config'),
  )
  // A single file has no package.json to tell ESM from CommonJS.
  return { ...options, module: ts.ModuleKind.ESNext, declaration: false }
}

const sources = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => /(?<!\.d)\.ts$/.test(path))

/** Returns the folder: the library, `shared` and a benchmark in JavaScript, and a package.json by which `taskwire` names that lib. */
export const build = (benchmark: string): string => {
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp', 'bench-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

  const options = compilerOptions()
  const compile = (from: string, to: string): void => {
    for (const path of sources(from)) {
      const target = join(to, path.replace(/\.ts$/, '.js'))
      const source = readFileSync(join(from, path), 'utf8')
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, ts.transpileModule(source, { compilerOptions: options, fileName: path }).outputText)
    }
  }
  compile(join(root, 'lib'), join(folder, 'lib'))
  for (const part of ['shared', benchmark]) compile(join(bench, part), join(folder, part))

  const manifest = readFileSync(join(root, 'package.json'), 'utf8').replaceAll('./dist/esm/', './lib/')
  writeFileSync(join(folder, 'package.json'), manifest)
  return folder
}
