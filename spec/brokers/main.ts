/** `npm run brokers`: the brokers as processes, until it is told to stop. Arguments name some of them. */
import { software, startBroker, type Broker } from './broker.js'
import { kinds, type Kind } from './software.js'

const named = process.argv.slice(2)
const wanted = named.length === 0 ? kinds : kinds.filter((kind) => named.includes(kind))
const signals = ['SIGINT', 'SIGTERM'] as const

const report = (error: unknown): void => console.error(`# ${(error as Error).message}`)

const started = async (kind: Kind): Promise<ReadonlyArray<Broker>> => {
  try {
    const broker = await startBroker(kind)
    console.log(`export ${software[kind].variable}=${broker.url}`)
    return [broker]
  } catch (error) {
    report(error)
    return []
  }
}

const told = new Promise<void>((resolve) => signals.forEach((signal) => process.on(signal, () => resolve())))

const unknown = named.filter((name) => !kinds.some((kind) => kind === name))
if (unknown.length > 0) {
  report(new Error(`no such broker: ${unknown.join(', ')}; there are ${kinds.join(', ')}`))
  process.exit(2)
}

const starting = Promise.all(wanted.map(started))
const brokers = await Promise.race([starting, told.then(() => [])])
if (brokers.flat().length > 0) {
  console.log('# they run until Ctrl-C')
  await told
} else process.exitCode = 1
// n.b. what is still starting is ended as well, by the exit of this process
await Promise.all(brokers.flat().map((broker) => broker.stop()))
process.exit()
