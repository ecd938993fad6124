import { redis } from 'taskwire/redis'
import { withBroker } from '../brokers/suite.js'
import { place } from '../transport/redis/support.js'
import { contract } from './contract.js'

await withBroker('redis', (url) => {
  contract(
    'Redis',
    () => {
      const { options } = place(url)
      return () => redis(options)
    },
    'again',
  )
})
