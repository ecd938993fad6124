/** One broker of each kind for a whole test run, started when it is first asked for. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo } from 'node:net'
import { software, startBroker, type Broker } from './broker.js'
import { host } from './port.js'
import { kinds, type Kind } from './software.js'

/** Where the processes of a test run ask for brokers. */
const variable = 'TASKWIRE_SPEC_BROKERS'

const given = (name: string): string | undefined => process.env[name] || undefined

/** Whether there is a broker of this kind: one whose address is set, or software that is installed. */
export const available = async (kind: Kind): Promise<boolean> =>
  given(software[kind].variable) !== undefined || (await software[kind].found())

/** The address of the broker that all specs share. The first call for a kind starts it. */
export const sharedBroker = async (kind: Kind): Promise<string> => {
  const url = given(software[kind].variable)
  if (url !== undefined) return url
  const asked = given(variable)
  if (asked === undefined)
    throw new Error(`a ${kind} broker is shared only within \`npm test\`: set ${software[kind].variable}`)
  const answer = await fetch(`${asked}/${kind}`)
  const text = await answer.text()
  if (!answer.ok) throw new Error(text)
  return text
}

const respond = (response: ServerResponse, status: number, text: string): void =>
  void response.writeHead(status, { 'content-type': 'text/plain' }).end(text)

/** Shares brokers with this process and the ones that it starts; gives what stops them. */
export const share = async (): Promise<() => Promise<void>> => {
  // Each project of a run asks for this; the first has done it for all.
  if (given(variable) !== undefined) return async () => {}
  const started = new Map<Kind, Promise<Broker>>()
  const broker = (kind: Kind): Promise<Broker> => {
    const one = started.get(kind) ?? startBroker(kind)
    started.set(kind, one)
    return one
  }
  const server = createServer((request, response) => {
    const kind = kinds.find((name) => request.url === `/${name}`)
    if (kind === undefined) return respond(response, 404, `no such broker: ${request.url}`)
    broker(kind).then(
      ({ url }) => respond(response, 200, url),
      (error: unknown) => respond(response, 500, String(error)),
    )
  })
  await once(server.listen(0, host), 'listening')
  process.env[variable] = `http://${host}:${(server.address() as AddressInfo).port}`
  return async () => {
    Reflect.deleteProperty(process.env, variable)
    server.close()
    server.closeAllConnections()
    const ended = await Promise.allSettled(started.values())
    await Promise.all(ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value.stop()] : [])))
  }
}
