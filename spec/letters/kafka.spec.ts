import { kafka } from 'taskwire/kafka'
import { withBroker } from '../brokers/suite.js'
import { freshPrefix } from '../transport/kafka/support.js'
import { contract } from './contract.js'

await withBroker('kafka', (url) => {
  const open = () => {
    const prefix = freshPrefix()
    return () =>
      kafka({
        brokers: url.split(','),
        prefix,
        createTopics: { partitions: 3, replicationFactor: 1 },
        kafkajs: { consumer: { maxWaitTimeInMs: 50 } },
      })
  }
  contract('Kafka', open, 'again')
})
