/** The documentation is executed: its code compiles, what it says runs is run, and its links lead somewhere. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compile, modulesOf } from './modules.js'
import { pageOf, pages, root } from './pages.js'

const languages = ['ts', 'sh', 'text', 'json', 'http', 'ebnf', 'hex']
const modules = pages.flatMap(modulesOf)
const blocks = pages.flatMap((page) => page.blocks.map((block) => ({ ...block, at: `${page.path}:${block.line}` })))

describe('code in the documentation', () => {
  test('is there, and stands in blocks of a known language', () => {
    expect(modules.length).toBeGreaterThan(20)
    expect(pages.flatMap(({ mistakes }) => mistakes)).toEqual([])
    expect(blocks.filter(({ info: [language = ''] }) => !languages.includes(language)).map(({ at }) => at)).toEqual([])
    expect(blocks.filter(({ info }) => info.slice(1).some((word) => word !== 'run')).map(({ at }) => at)).toEqual([])
  })

  test('compiles under the settings of the repository', () => {
    expect(compile(modules)).toEqual([])
  }, 120_000)

  test('is JSON where it says so', () => {
    const wrong = blocks.filter(({ info, code }) => {
      try {
        if (info[0] === 'json') JSON.parse(code.join('\n'))
        return false
      } catch {
        return true
      }
    })
    expect(wrong.map(({ at }) => at)).toEqual([])
  })

  test('names scripts that exist', async () => {
    const { scripts } = JSON.parse(await readFile(`${root}package.json`, 'utf8')) as { readonly scripts: object }
    const named = blocks.flatMap(({ at, code }) =>
      [...code.join('\n').matchAll(/\bnpm run ([\w:]+)/g)].map(([, name = '']) => ({ at, name })),
    )
    expect(named.filter(({ name }) => !Object.hasOwn(scripts, name))).toEqual([])
  })
})

describe('code that is said to run', () => {
  const programs = modules.filter(({ block }) => block.info.includes('run'))
  let folder = ''
  beforeAll(async () => {
    await mkdir(join(root, '.tmp'), { recursive: true })
    folder = await mkdtemp(join(root, '.tmp', 'docs-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  // A `text` block right after it is what it prints.
  test.each(programs.map((program) => ({ ...program, at: `${program.page}:${program.block.line}` })))(
    '$at',
    async ({ block, page, text }) => {
      const all = pages.find(({ path }) => path === page)?.blocks ?? []
      const next = all[all.indexOf(block) + 1]
      const printed = next?.info[0] === 'text' && next.follows ? next.code : []
      const file = join(folder, `${page.replaceAll('/', '-')}-${block.line}.ts`)
      await writeFile(file, text)
      const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--import', 'tsx', file], { cwd: root })
      expect({ stdout: stdout.trimEnd().split('\n'), stderr }).toEqual({
        stdout: printed.length === 0 ? [''] : printed,
        stderr: '',
      })
    },
    60_000,
  )
})

describe('links', () => {
  test('lead to files and headings that exist', () => {
    const broken = pages.flatMap(({ path, links, anchors }) =>
      links
        .filter(({ target }) => !/^[a-z]+:/.test(target))
        .filter(({ target }) => {
          const [file = '', anchor] = target.split('#')
          const to = file === '' ? path : normalize(join(dirname(path), file))
          if (!existsSync(join(root, to))) return true
          if (anchor === undefined) return false
          const found = file === '' ? anchors : pages.find((page) => page.path === to)?.anchors
          return !(found?.has(anchor) ?? false)
        })
        .map(({ line, target }) => `${path}:${line}: ${target}`),
    )
    expect(broken).toEqual([])
  })

  test('lead from the index to every page', () => {
    const linked =
      pages.find(({ path }) => path === 'docs/README.md')?.links.map(({ target }) => `docs/${target}`) ?? []
    const unlisted = pages.filter(({ path }) => path.startsWith('docs/') && path !== 'docs/README.md')
    expect(unlisted.map(({ path }) => path).filter((path) => !linked.includes(path))).toEqual([])
  })
})

describe('the reader of pages', () => {
  const fence = '```'
  const read = (...lines: ReadonlyArray<string>) => pageOf('p.md', lines.join('\n'))

  test('lets no block escape', () => {
    expect(read(`${fence}ts`, 'code').mistakes).toEqual(['p.md:1: a block that is not closed'])
    expect(read('', '    code').mistakes).toEqual(['p.md:2: code without a fence'])
    expect(read('~~~js', 'code', '~~~').blocks).toMatchObject([{ info: ['js'], code: ['code'] }])
    expect(read('- item', '', `  ${fence}ts`, '  code', `  ${fence}`).blocks).toMatchObject([{ code: ['code'] }])
  })

  test('joins blocks that continue, behind what is hidden', () => {
    const page = read(
      '<!-- ts',
      'h',
      '-->',
      `${fence}ts`,
      'a',
      fence,
      `${fence}ts`,
      '// continues',
      'b',
      fence,
      `${fence}ts`,
      'c',
      fence,
    )
    expect(modulesOf(page).map(({ text }) => text)).toEqual(['h', 'h\na', 'h\na\n// continues\nb', 'h\nc'])
    expect(modulesOf(page)[2]?.origin).toEqual([2, 5, 8, 9])
  })

  test('names the line of a mistake', () => {
    const page = read('text', `${fence}ts`, 'export const a: string = 1', fence)
    expect(compile(modulesOf(page))).toEqual(["p.md:3: Type 'number' is not assignable to type 'string'."])
  }, 60_000)
})
