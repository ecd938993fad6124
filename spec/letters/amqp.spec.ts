import { onTestFinished } from 'vitest'
import { withBroker } from '../brokers/suite.js'
import { part } from '../transport/amqp/subject.js'
import { contract } from './contract.js'

await withBroker('amqp', (url) => {
  contract('RabbitMQ', async () => {
    const { transport, dispose } = await part(url)
    onTestFinished(() => dispose())
    return () => transport('amqp')
  })
})
