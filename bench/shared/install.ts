/** The peers' packages: in bench/node_modules, installed by the benchmark itself, never by the library's users. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { bench } from './build.js'

export const install = (log: (line: string) => void): void => {
  const installed = join(bench, 'node_modules', '.package-lock.json')
  const wanted = join(bench, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return
  log('installing the peers: npm ci --prefix bench')
  const args = ['ci', '--prefix', bench, '--no-audit', '--no-fund', '--loglevel', 'error']
  const { status } = spawnSync('npm', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error('npm ci --prefix bench failed')
}

/** The version in a package's manifest. */
export const manifestVersion = (folder: string): string =>
  String(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version)

/** The version of a package installed in a folder. */
export const versionOf = (name: string, folder: string): string => manifestVersion(join(folder, 'node_modules', name))
