/** The pages of the documentation, as what is in them: fenced blocks, links, headings. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Block {
  /** What stands after the fence: the language, then words such as `run`. */
  readonly info: ReadonlyArray<string>
  /** The number of its first line of code in the page. */
  readonly line: number
  readonly code: ReadonlyArray<string>
  /** In an HTML comment: a preamble for all blocks after it. */
  readonly hidden: boolean
  /** Nothing but blank lines between it and the block before it. */
  readonly follows: boolean
}

export interface Page {
  /** Relative to the root. */
  readonly path: string
  readonly blocks: ReadonlyArray<Block>
  readonly links: ReadonlyArray<{ readonly line: number; readonly target: string }>
  /** The anchors of its headings. */
  readonly anchors: ReadonlySet<string>
  /** What the page writes in a way that is not understood here. */
  readonly mistakes: ReadonlyArray<string>
}

/** How GitHub turns a heading into an anchor. */
export const anchorOf = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[`*]/g, '')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')

const opening = /^(\s*)(`{3,}|~{3,})\s*(.*)$/
const hiddenOpening = /^<!--\s*ts\s*$/

export const pageOf = (path: string, text: string): Page => {
  const lines = text.split('\n')
  const blocks: Array<Block> = []
  const links: Array<Page['links'][number]> = []
  const anchors = new Set<string>()
  const mistakes: Array<string> = []
  let prose = true
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    const fence = opening.exec(line)
    const hidden = hiddenOpening.test(line)
    if (fence !== null || hidden) {
      const [, indent = '', marks = '', info = 'ts'] = fence ?? []
      const end = lines.findIndex((other, at) => at > i && other.trim() === (hidden ? '-->' : marks))
      if (end < 0) {
        mistakes.push(`${path}:${i + 1}: a block that is not closed`)
        break
      }
      const code = lines.slice(i + 1, end).map((one) => (one.startsWith(indent) ? one.slice(indent.length) : one))
      const words = info.split(/\s+/).filter((word) => word !== '')
      blocks.push({ info: words, line: i + 2, code, hidden, follows: !prose })
      prose = false
      i = end
      continue
    }
    if (/^( {4}|\t)\S/.test(line) && (lines[i - 1] ?? '').trim() === '')
      mistakes.push(`${path}:${i + 1}: code without a fence`)
    if (line.trim() !== '') prose = true
    const heading = /^#{1,6}\s+(.*)$/.exec(line)?.[1]
    if (heading !== undefined) anchors.add(anchorOf(heading))
    for (const [, target = ''] of line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g))
      links.push({ line: i + 1, target })
  }
  return { path, blocks, links, anchors, mistakes }
}

const markdown = (folder: string): ReadonlyArray<string> =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.includes('node_modules') && !name.startsWith('api/'))
    .map((name) => `${folder}/${name}`)
    .sort()

/** Every page that users read. */
export const pages: ReadonlyArray<Page> = [
  'README.md',
  'CHANGELOG.md',
  ...markdown('docs'),
  ...markdown('examples'),
].map((path) => pageOf(path, readFileSync(`${root}${path}`, 'utf8')))
