/** The programs of Kafka, which Maven fetches. They are kept in `.tmp` of the repository. */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './child.js'
import { program, required } from './program.js'

const version = '4.3.1'
const pom = fileURLToPath(new URL('pom.xml', import.meta.url))
const folder = fileURLToPath(new URL(`../../.tmp/kafka-${version}`, import.meta.url))
const complete = join(folder, 'jars')

/** Whether they are here already. */
export const cached = (): boolean => existsSync(complete)

/** One Maven at a time, where the system can see to it: two must not write to its local repository. */
const alone = (file: string, args: ReadonlyArray<string>) => {
  const flock = program('flock')
  return flock === undefined ? { file, args } : { file: flock, args: [join(folder, 'lock'), file, ...args] }
}

/** The folder of the jar files; fetches them when it is not there. It appears at once and complete. */
export const jars = async (): Promise<string> => {
  if (cached()) return complete
  await mkdir(folder, { recursive: true })
  const fetched = await mkdtemp(join(folder, 'fetched-'))
  try {
    const options = ['-q', '-B', '-f', pom, `-Dkafka.version=${version}`, `-DoutputDirectory=${fetched}`]
    await run(alone(required('mvn'), [...options, 'dependency:copy-dependencies']))
    await rename(fetched, complete).catch((error: unknown) => {
      // Somebody else was faster.
      if (!cached()) throw error
    })
  } finally {
    await rm(fetched, { recursive: true, force: true })
  }
  return complete
}
