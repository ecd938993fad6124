// Every check but the tests. `npm run check` runs them all, `npm run check -- types eslint` only those named.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

// Each step is a list of commands run in order; steps run two at a time, the longest first.
const steps = {
  eslint: [['eslint', '--config', '.config/eslint.config.js', '.', '--max-warnings=0']],
  package: [
    ['node', '.config/build.mjs'],
    ['publint', '--strict'],
    ['attw', '--pack', '.', '--quiet'],
  ],
  types: [['tsc', '--noEmit', '-p', 'tsconfig.json']],
  docs: [['typedoc', '--options', '.config/typedoc.json', '--treatWarningsAsErrors']],
  layers: [['depcruise', '--config', '.config/dependency-cruiser.cjs', '--output-type', 'err-long', 'lib']],
  knip: [['knip', '--config', '.config/knip.json']],
  prettier: [['prettier', '--check', '--log-level', 'warn', '.']],
}

const run = ([command, ...args]) =>
  new Promise((done) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: process.env })
    let output = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => done({ ok: false, output: `${output}${error.message}\n` }))
    child.on('close', (code) => done({ ok: code === 0, output }))
  })

const check = async (name) => {
  const started = Date.now()
  const report = (mark) => console.log(`${mark} ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
  for (const command of steps[name]) {
    const { ok, output } = await run(command)
    if (!ok) {
      report('✗')
      console.log(`$ ${command.join(' ')}\n${output}`)
      return [name]
    }
  }
  report('✓')
  return []
}

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !Object.hasOwn(steps, name))
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')}; there are ${Object.keys(steps).join(', ')}`)
  process.exit(2)
}

const queue = wanted.length > 0 ? wanted : Object.keys(steps)
const failed = []
const lane = async () => {
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) failed.push(...(await check(name)))
}
await Promise.all([lane(), lane()])

if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`)
  process.exit(1)
}
