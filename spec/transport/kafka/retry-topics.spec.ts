/** With topics of retries: what the conformance kit says of retries, order and dead letters. */
import { kafka } from 'taskwire/kafka'
import { conformance } from 'taskwire/testing'
import { test } from 'vitest'
import { withBroker } from '../../brokers/suite.js'
import { kafkaSubject } from './subject.js'

const examined: ReadonlySet<string> = new Set([
  'C13',
  'C14',
  'C17',
  'C18',
  'C19',
  'C20',
  'C21',
  'C22',
  'C23',
  'C26',
  'C38',
])

await withBroker('kafka', (url) => {
  const brokers = url.split(',')
  const subject = kafkaSubject(brokers, { retryTopics: true })
  const { capabilities } = kafka({ brokers, retryTopics: true })
  for (const { id, title, run } of conformance({ ...subject, capabilities }))
    if (examined.has(id)) test(`${id} ${title}`, () => run(), 120_000)
})
