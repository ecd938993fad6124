// Builds lib/ twice with plain tsc: ESM into dist/esm, CommonJS into dist/cjs. `node .config/build.mjs [folder]` puts `dist` into another folder.
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = join(resolve(process.argv[2] ?? root), 'dist')
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')

rmSync(dist, { recursive: true, force: true })

for (const format of ['esm', 'cjs']) {
  const args = [tsc, '-p', join(root, '.config', `tsconfig.${format}.json`), '--outDir', join(dist, format)]
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

// The package is `type: module`: without this file Node would read the CommonJS output as ESM.
mkdirSync(join(dist, 'cjs'), { recursive: true })
writeFileSync(join(dist, 'cjs', 'package.json'), '{\n  "type": "commonjs",\n  "sideEffects": false\n}\n')
