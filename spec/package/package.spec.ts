/** What is published: built, packed and unpacked into a project of its own, then run and type-checked there as a user would. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const consumer = fileURLToPath(new URL('./consumer', import.meta.url))
const exec = promisify(execFile)

const run = async (cwd: string, command: string, ...args: ReadonlyArray<string>): Promise<string> => {
  try {
    return (await exec(command, args, { cwd })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed\n${stdout ?? ''}${stderr ?? ''}`, { cause: error })
  }
}

const optional = (copied: Promise<void>): Promise<void> =>
  copied.catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  })

// An install without the network: the package from its tarball, what it depends on linked from here.
const install = async (tarball: string, project: string, names: ReadonlyArray<string>): Promise<void> => {
  const modules = join(project, 'node_modules')
  await mkdir(join(modules, 'taskwire'), { recursive: true })
  await run(project, 'tar', '-xzf', tarball, '-C', join(modules, 'taskwire'), '--strip-components=1')
  for (const name of names) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, 'node_modules', name), join(modules, name), 'junction')
  }
  await cp(consumer, project, { recursive: true })
  await writeFile(join(project, 'package.json'), '{ "private": true }\n')
}

let folder = ''
let packed: ReadonlyArray<string> = []

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'taskwire-package-')))

  // Built aside, so that neither a stale nor a half-written dist/ of the working tree is packed.
  const staging = join(folder, 'staging')
  await mkdir(staging)
  await cp(join(root, 'package.json'), join(staging, 'package.json'))
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE']) await optional(cp(join(root, name), join(staging, name)))
  await run(root, process.execPath, join(root, '.config', 'build.mjs'), staging)
  const [tarball] = JSON.parse(await run(staging, 'npm', 'pack', '--json', '--ignore-scripts')) as [
    { readonly filename: string; readonly files: ReadonlyArray<{ readonly path: string }> },
  ]
  packed = tarball.files.map((file) => file.path)

  const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
    await readFile(join(root, 'package.json'), 'utf8'),
  ) as Readonly<Record<'dependencies' | 'peerDependencies' | 'peerDependenciesMeta', Readonly<Record<string, unknown>>>>
  const needed = [...Object.keys(dependencies), ...Object.keys(peerDependencies), '@types/node']
  const drivers = new Set(Object.keys(peerDependenciesMeta))
  await install(join(staging, tarball.filename), join(folder, 'all'), needed)
  await install(
    join(staging, tarball.filename),
    join(folder, 'driverless'),
    needed.filter((name) => !drivers.has(name)),
  )
}, 240_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

const transports = ['memory', 'tcp', 'redis', 'amqp', 'kafka']

const expected = {
  found: { _tag: 'Right', right: { id: '1' } },
  missing: { _tag: 'Left', left: { _tag: 'HandlerFailed', error: { _tag: 'NotFound', id: '' } } },
  tcp: 'function',
  inject: 'function',
}

describe('the packed package', () => {
  test('holds the two builds with their declarations, and nothing else', () => {
    const other = packed.filter((path) => !/^dist\/(esm|cjs)\/.*\.(js|d\.ts)$/.test(path))
    expect(other.filter((path) => !/^(README|CHANGELOG)\.md$/.test(path)).sort()).toEqual([
      'LICENSE',
      'dist/cjs/package.json',
      'package.json',
    ])
    for (const format of ['esm', 'cjs'])
      for (const entry of ['index', 'testing/index', ...transports.map((name) => `transport/${name}/index`)])
        expect(packed).toEqual(expect.arrayContaining([`dist/${format}/${entry}.js`, `dist/${format}/${entry}.d.ts`]))
  })

  test.each(['program.mjs', 'program.cjs'])(
    'runs under plain node: %s',
    async (program) => {
      expect(JSON.parse(await run(join(folder, 'all'), process.execPath, program))).toMatchObject(expected)
    },
    60_000,
  )

  test.each(['driverless.mjs', 'driverless.cjs'])(
    'names the driver that is not installed: %s',
    async (program) => {
      const missing = (driver: string) => ({
        _tag: 'Left',
        left: { _tag: 'DriverMissing', driver, install: `npm install ${driver}` },
      })
      expect(JSON.parse(await run(join(folder, 'driverless'), process.execPath, program))).toEqual(
        ['ioredis', 'amqplib', 'kafkajs'].map(missing),
      )
    },
    60_000,
  )

  test.each([
    ['nodenext', 'program.mts'],
    // n.b. the strictest for CommonJS: nodenext lets it require ESM
    ['node16', 'program.cts'],
    ['bundler', 'program.mts'],
  ])(
    'type-checks, its own declarations included: %s, %s',
    async (resolution, program) => {
      const options = {
        target: 'es2022',
        module: resolution === 'bundler' ? 'esnext' : resolution,
        moduleResolution: resolution,
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
        skipLibCheck: false,
      }
      const project = join(folder, 'all', `tsconfig.${resolution}.${program}.json`)
      await writeFile(project, JSON.stringify({ compilerOptions: options, files: [program] }))
      await run(
        join(folder, 'all'),
        process.execPath,
        join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
        '-p',
        project,
      )
    },
    120_000,
  )
})
