/**
 * Compiles the library and the measured programs into a folder of their own with the package's compiler options, and
 * without a type check. Run through tsx, every closure would be wrapped to keep its name, which the published package
 * does not do; and the shared dist/ may be old, or be rebuilt under a running benchmark.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

const compiled = (source: string, path: string, options: ts.CompilerOptions): string =>
  ts.transpileModule(source, { compilerOptions: options, fileName: path }).outputText

const folders: Array<string> = []
process.once('exit', () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

const freshFolder = (): string => {
  mkdirSync(join(root, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tmp', 'bench-'))
  folders.push(folder)
  return folder
}

/** Returns the folder: the library, `shared` and a benchmark in JavaScript, and a package.json by which `taskwire` names that lib. */
export const build = (benchmark: string): string => {
  const folder = freshFolder()
  const options = compilerOptions()
  const compile = (from: string, to: string): void => {
    for (const path of sources(from)) {
      const target = join(to, path.replace(/\.ts$/, '.js'))
      const source = readFileSync(join(from, path), 'utf8')
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, compiled(source, path, options))
    }
  }
  compile(join(root, 'lib'), join(folder, 'lib'))
  for (const part of ['shared', benchmark]) compile(join(bench, part), join(folder, part))

  const manifest = readFileSync(join(root, 'package.json'), 'utf8').replaceAll('./dist/esm/', './lib/')
  writeFileSync(join(folder, 'package.json'), manifest)
  return folder
}

/** A piece of one source file of the library, which must stand there once, and what is compiled in its place. */
export interface Patch {
  readonly file: string
  readonly from: string
  readonly to: string
}

const applied = (source: string, { file, from, to }: Patch): string => {
  if (source.split(from).length !== 2) throw new Error(`${file} has not exactly one: ${from}`)
  return source.replace(from, () => to)
}

/** The sources of the library that patches change, as they are then. */
export const patchedSources = (patches: ReadonlyArray<Patch>): ReadonlyMap<string, string> => {
  const sources = new Map<string, string>()
  for (const patch of patches) {
    const before = sources.get(patch.file) ?? readFileSync(join(root, patch.file), 'utf8')
    sources.set(patch.file, applied(before, patch))
  }
  return sources
}

/** A copy of a folder of `build` whose library is patched. */
export const patched = (folder: string, patches: ReadonlyArray<Patch>): string => {
  const copy = freshFolder()
  cpSync(folder, copy, { recursive: true })
  const options = compilerOptions()
  for (const [path, source] of patchedSources(patches))
    writeFileSync(join(copy, path.replace(/\.ts$/, '.js')), compiled(source, path, options))
  return copy
}
