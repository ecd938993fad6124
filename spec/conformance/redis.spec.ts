import { redisSubject } from '../transport/redis/subject.js'
import { withBroker } from '../brokers/suite.js'
import { suite } from './suite.js'

await withBroker('redis', (url) => {
  suite(redisSubject(url))
})
