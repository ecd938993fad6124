import { withBroker } from '../brokers/suite.js'
import { kafkaSubject } from '../transport/kafka/subject.js'
import { suite } from './suite.js'

await withBroker('kafka', (url) => {
  suite(kafkaSubject(url.split(',')), 180_000)
})
