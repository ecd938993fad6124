/** The TypeScript of a page as modules, and what the compiler says about them. */
import ts from 'typescript'
import { root, type Block, type Page } from './pages.js'

/** One block with what it builds on: a module of its own. */
export interface Module {
  readonly block: Block
  readonly page: string
  /** Where the compiler believes it is. */
  readonly file: string
  readonly text: string
  /** The page's line of each of its lines. */
  readonly origin: ReadonlyArray<number>
}

const isTypeScript = (block: Block): boolean => block.info[0] === 'ts'
const continues = (block: Block): boolean => block.code[0]?.trim() === '// continues'

/**
 * A block is a module. One that begins with `// continues` goes on where the block before it ended; a hidden block
 * stands before all that follow it.
 */
export const modulesOf = (page: Page): ReadonlyArray<Module> => {
  let preamble: ReadonlyArray<Block> = []
  let chain: ReadonlyArray<Block> = []
  return page.blocks.filter(isTypeScript).map((block, index) => {
    if (block.hidden) preamble = [...preamble, block]
    else chain = continues(block) ? [...chain, block] : [block]
    const parts = block.hidden ? preamble : [...preamble, ...chain]
    return {
      block,
      page: page.path,
      file: `${root}spec/docs/${page.path.replaceAll('/', '-')}-${index + 1}.ts`,
      text: parts.flatMap(({ code }) => code).join('\n'),
      origin: parts.flatMap(({ code, line }) => code.map((_, i) => line + i)),
    }
  })
}

const settings = (): ts.CompilerOptions => {
  const path = `${root}tsconfig.json`
  const { config } = ts.readConfigFile(path, (file) => ts.sys.readFile(file)) as { readonly config: unknown }
  return ts.parseJsonConfigFileContent(config, { ...ts.sys, readDirectory: () => [] }, root, undefined, path).options
}

/** What the compiler has against the modules, under the settings of the repository: `page:line: message`. */
export const compile = (modules: ReadonlyArray<Module>): ReadonlyArray<string> => {
  const options = settings()
  const virtual = new Map(modules.map((module) => [module.file, module]))
  const disk = ts.createCompilerHost(options)
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (file) => virtual.has(file) || disk.fileExists(file),
    readFile: (file) => virtual.get(file)?.text ?? disk.readFile(file),
    getSourceFile: (file, version, ...rest) => {
      const text = virtual.get(file)?.text
      return text === undefined
        ? disk.getSourceFile(file, version, ...rest)
        : ts.createSourceFile(file, text, version, true)
    },
  }
  const program = ts.createProgram({ rootNames: [...virtual.keys()], options, host })
  const complaints = ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, '\n')
    const module = file === undefined ? undefined : virtual.get(file.fileName)
    if (file === undefined || module === undefined) return `${file?.fileName ?? 'the compiler'}: ${message}`
    const { line } = file.getLineAndCharacterOfPosition(start)
    return `${module.page}:${String(module.origin[line])}: ${message}`
  })
  return [...new Set(complaints)]
}
