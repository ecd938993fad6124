import { withBroker } from '../brokers/suite.js'
import { kafkaSubject } from '../transport/kafka/subject.js'
import { suite } from './suite.js'

await withBroker('kafka', (url) => {
  suite({ subject: kafkaSubject(url.split(',')), gaps: {} })
})
