import { withBroker } from '../brokers/suite.js'
import { amqpSubject } from '../transport/amqp/subject.js'
import { suite } from './suite.js'

await withBroker('amqp', (url) => {
  suite(amqpSubject(url))
})
