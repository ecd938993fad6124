/** `runMain` as a user meets it: in a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'

const program = fileURLToPath(new URL('./support/program.ts', import.meta.url))
const children = new Set<ReturnType<typeof spawn>>()
afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  children.clear()
})

const run = (how: string) => {
  const child = spawn(process.execPath, ['--import', 'tsx', program, how], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string,
  }))
  return {
    child,
    ended,
    stdout: () => stdout.trim().split('\n'),
    stderr: () => stderr,
    said: async (line: string): Promise<void> => {
      while (!stdout.split('\n').includes(line)) {
        if (child.exitCode !== null) throw new Error(`it ended before it said ${line}: ${stdout}${stderr}`)
        await once(child.stdout, 'data')
      }
    },
  }
}

describe('a program', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('exits with 0 at %s, by itself', async (signal) => {
    const { child, ended, said, stdout, stderr } = run('idle')
    await said('ready')
    child.kill(signal)
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(stdout().filter((line) => line !== 'signalled')).toEqual(['ready', 'closed', 'stopped'])
    expect(stderr()).toBe('')
  })

  test('drains what runs before it exits with 0', async () => {
    const { child, ended, said, stdout } = run('busy')
    await said('started')
    await said('ready')
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(stdout().filter((line) => !['started', 'ready', 'signalled'].includes(line))).toEqual([
      'finished',
      'closed',
      'stopped',
    ])
  })

  test('exits with 1 when a handler had to be given up', async () => {
    const { child, ended, said, stdout } = run('hangs')
    await said('started')
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 1, signal: null })
    expect(stdout()).toContain('aborted: stopping')
  })

  test('does not outlive a handler that was given up and still holds a timer', async () => {
    const { child, ended, said } = run('clings')
    await said('started')
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 1, signal: null })
  })

  test('stops in order at a signal that comes while it starts', async () => {
    const { child, ended, said, stdout } = run('slow')
    await said('connecting')
    child.kill('SIGTERM')
    expect(await ended).toEqual({ code: 0, signal: null })
    expect(stdout().slice(-2)).toEqual(['closed', 'stopped'])
  })

  test('stops the service when what it does once it has started throws', async () => {
    const { ended, stdout, stderr } = run('throws')
    expect((await ended).code).toBe(1)
    expect(stdout()).toEqual(['closed'])
    expect(stderr()).toContain('no port for the health endpoint')
  })

  test('exits with 1 at once on a second signal', async () => {
    const { child, ended, said, stdout } = run('busy')
    await said('started')
    child.kill('SIGTERM')
    await said('signalled')
    child.kill('SIGINT')
    expect(await ended).toEqual({ code: 1, signal: null })
    expect(stdout()).not.toContain('stopped')
  })

  test.each([
    [
      'its definition is invalid',
      'invalid',
      'the definition has mistakes: the pattern "" cannot be used: a pattern cannot be empty',
    ],
    ['a transport refuses', 'absent', 'unauthorized: no token'],
  ])('exits with 1 and one line, no stack, when %s; what it was given is closed', async (_, how, why) => {
    const { ended, stdout, stderr } = run(how)
    expect(await ended).toEqual({ code: 1, signal: null })
    expect(stderr()).toBe(`taskwire: program did not start: ${why}\n`)
    expect(stdout()).toEqual(['closed', 'stopped'])
  })
})
