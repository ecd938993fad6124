/** The files that the results are recorded in and rendered to. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { renderPage, renderPictures, renderReadme } from './page/render.js'
import { parsed, type Results } from './results.js'

const pathOf = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))
const read = (path: string): string => readFileSync(pathOf(path), 'utf8')

const FOLDER = 'docs/performance'
const RESULTS = `${FOLDER}/results.json`

/** Five digits are more than the noise leaves. */
const shortened = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(5)) : value

const formatted = async (path: string, text: string): Promise<string> =>
  format(text, { ...(await resolveConfig(pathOf(path))), filepath: pathOf(path) })

export const readResults = (): Results => (existsSync(pathOf(RESULTS)) ? (parsed(read(RESULTS)) as Results) : {})

export const writeResults = async (results: Results): Promise<void> => {
  mkdirSync(pathOf(FOLDER), { recursive: true })
  writeFileSync(pathOf(RESULTS), await formatted(RESULTS, JSON.stringify(results, shortened)))
}

/** What all rendered files have to hold, by their paths: a function of the results and the prose that is there. */
export const rendered = async (): Promise<ReadonlyMap<string, string>> => {
  const results = readResults()
  const pages = {
    'docs/performance.md': renderPage(read('docs/performance.md'), results),
    'README.md': renderReadme(read('README.md'), results),
  }
  const texts = await Promise.all(
    Object.entries(pages).map(async ([path, text]) => [path, await formatted(path, text)] as const),
  )
  const pictures = [...renderPictures(results)].map(([name, svg]) => [`${FOLDER}/${name}.svg`, svg] as const)
  return new Map([...texts, ...pictures])
}

/** Pictures of what is recorded no more go. */
export const writeRendered = async (): Promise<void> => {
  const files = await rendered()
  mkdirSync(pathOf(FOLDER), { recursive: true })
  for (const [path, text] of files) writeFileSync(pathOf(path), text)
  for (const name of readdirSync(pathOf(FOLDER)))
    if (name.endsWith('.svg') && !files.has(`${FOLDER}/${name}`)) rmSync(pathOf(`${FOLDER}/${name}`))
}
