/** RabbitMQ as a process of its own. */
import { randomUUID } from 'node:crypto'
import amqp from 'amqplib'
import { expect, test } from 'vitest'
import { gone } from '../examples/processes.js'
import { server as certified } from '../transport/tcp/certificates.js'
import { type Broker } from './broker.js'
import { pause } from './echo.js'
import { withOwnBroker } from './suite.js'
import { tlsFiles } from './tls-files.js'

const connected = async (url: string, options: object = {}) => {
  const connection = await amqp.connect(url, options)
  connection.on('error', () => {})
  return connection
}

/** Puts a persistent message into a durable queue, and waits until the broker has it. */
const put = async (broker: Broker, queue: string, text: string): Promise<void> => {
  const connection = await connected(broker.url)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue(queue, { durable: true })
  channel.sendToQueue(queue, Buffer.from(text), { persistent: true })
  await channel.waitForConfirms()
  await connection.close()
}

const get = async (broker: Broker, queue: string): Promise<string | undefined> => {
  const connection = await connected(broker.url)
  const channel = await connection.createChannel()
  const got = await channel.get(queue, { noAck: true })
  await connection.close()
  return got === false ? undefined : got.content.toString()
}

await withOwnBroker('amqp', (start) => {
  test('keeps a durable queue over kill, restart and SIGTERM, on the same port', async () => {
    const broker = await start()
    const queue = randomUUID()
    await put(broker, queue, 'kept')
    await broker.flush()
    const pid = broker.pid()
    await broker.kill()
    expect(await gone(pid)).toBe(true)
    await broker.restart()
    expect(await get(broker, queue)).toBe('kept')
    await put(broker, queue, 'kept too')
    await broker.terminate()
    expect(broker.pid()).toBe(0)
    await broker.restart()
    expect(await get(broker, queue)).toBe('kept too')
    expect(await broker.command('list_queues', 'name')).toContain(queue)
    await broker.stop()
    expect(broker.pid()).toBe(0)
  }, 120_000)

  test('answers nothing while frozen, and closes connections when told', async () => {
    const broker = await start()
    const connection = await connected(broker.url)
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    broker.freeze()
    const asserted = channel.assertQueue('', { exclusive: true }).then(() => 'done')
    expect(await Promise.race([asserted, pause(200)])).toBe(undefined)
    broker.thaw()
    expect(await asserted).toBe('done')
    const closed = new Promise((resolve) => connection.on('close', resolve))
    await broker.command('close_all_connections', 'by a spec')
    expect(String(await closed)).toContain('by a spec')
  }, 120_000)

  test('listens with TLS', async () => {
    const broker = await start({ tls: tlsFiles(certified) })
    expect(broker.url).toMatch(/^amqps:/)
    const connection = await connected(broker.url, { ca: [certified.cert] })
    await connection.close()
  }, 120_000)
})
