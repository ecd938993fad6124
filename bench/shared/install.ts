/** The peers' packages: in folders of the benchmark, installed by the benchmark itself, never by the library's users. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { bench, root } from './build.js'

/** Moleculer has a package of its own, because it asks for other versions of the drivers. */
const packages: ReadonlyArray<string> = [bench, join(bench, 'moleculer')]

export const install = (log: (line: string) => void): void => {
  for (const folder of packages) {
    const installed = join(folder, 'node_modules', '.package-lock.json')
    const wanted = join(folder, 'package-lock.json')
    if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) continue
    log(`installing the peers: npm ci --prefix ${relative(root, folder)}`)
    const args = ['ci', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel', 'error']
    const { status } = spawnSync('npm', args, {
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    })
    if (status !== 0) throw new Error(`npm ci --prefix ${relative(root, folder)} failed`)
  }
}

/** The version in a package's manifest. */
export const manifestVersion = (folder: string): string =>
  String(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version)

/** The version of a package installed in a folder. */
export const versionOf = (name: string, folder: string): string => manifestVersion(join(folder, 'node_modules', name))
