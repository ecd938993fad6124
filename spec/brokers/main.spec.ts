/** `npm run brokers` as a process. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import { afterEach, expect, test } from 'vitest'
import { answer } from './port.js'
import { poll } from './echo.js'
import { withOwnBroker } from './suite.js'

const started: Array<ChildProcess> = []
afterEach(() => started.splice(0).forEach((child) => child.kill('SIGTERM')))

const main = (args: ReadonlyArray<string>, env: NodeJS.ProcessEnv = {}) => {
  const file = fileURLToPath(new URL('main.ts', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  started.push(child)
  let printed = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (printed += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (printed += text))
  return { child, printed: () => printed, ended: once(child, 'close') }
}

await withOwnBroker('redis', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
    'starts what is named and ends it on %s',
    async (signal) => {
      // A process that is killed leaves its folder behind.
      const folder = await mkdtemp(join(tmpdir(), 'taskwire-main-'))
      const { child, printed, ended } = main(['redis'], { TMPDIR: folder })
      await expect.poll(printed, { timeout: 30_000 }).toContain('until Ctrl-C')
      const [, url = '', port] = /^export REDIS_URL=(\S+:(\d+))$/m.exec(printed()) ?? []
      const redis = new Redis(url)
      expect(await redis.ping()).toBe('PONG')
      await redis.quit()
      child.kill(signal)
      expect((await ended)[0]).toBe(signal === 'SIGKILL' ? null : 0)
      await poll(() => answer(Number(port), Buffer.from('PING\r\n'), false)).toBe(undefined)
      expect((await readdir(folder)).filter((name) => name.startsWith('taskwire'))).toHaveLength(
        signal === 'SIGKILL' ? 1 : 0,
      )
      await rm(folder, { recursive: true })
    },
    60_000,
  )
})

test('says what to install', async () => {
  const { printed, ended } = main(['amqp', 'kafka'], { PATH: '' })
  expect((await ended)[0]).toBe(1)
  expect(printed()).toContain('# kafka cannot be run here: apt-get install openjdk-17-jre-headless maven')
}, 60_000)

test('knows its arguments', async () => {
  const { printed, ended } = main(['mysql'])
  expect((await ended)[0]).toBe(2)
  expect(printed()).toBe('# no such broker: mysql; there are redis, amqp, kafka\n')
}, 60_000)
