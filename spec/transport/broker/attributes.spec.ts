import { describe, expect, test } from 'vitest'
import {
  describe as described,
  field,
  headersOf,
  numberOf,
  sourceOf,
  times,
  writeCommon,
  writeHeaders,
  writeOwn,
  type CloudEvents,
  type Writing,
} from '../../../lib/transport/broker/attributes.js'

const event = {
  id: 'm-1',
  type: 'user.created',
  source: '/users',
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  correlationId: 'c-1',
  causationId: 'm-0',
  key: 'u-1',
}

const writeEvent = (into: Writing, prefix: CloudEvents): void => {
  writeCommon(into, prefix, event.type, event.source)
  writeOwn(into, prefix, event, times()(event.time))
}

describe('fields beside a body', () => {
  test('an event has the attributes of CloudEvents 1.0, and they are read back', () => {
    const into: Writing = {}
    writeEvent(into, 'ce_')
    expect(into).toEqual({
      ce_specversion: '1.0',
      ce_id: 'm-1',
      ce_type: 'user.created',
      ce_source: '/users',
      ce_time: '2026-01-02T03:04:05.678Z',
      ce_correlationid: 'c-1',
      ce_causationid: 'm-0',
      ce_partitionkey: 'u-1',
    })
    expect(described(into, 'ce_')).toEqual({
      id: 'm-1',
      type: 'user.created',
      correlationId: 'c-1',
      causationId: 'm-0',
      key: 'u-1',
    })
  })

  test('what is not there is undefined', () => {
    expect(described({ ce_id: '' }, 'ce_')).toEqual({
      id: undefined,
      type: undefined,
      correlationId: undefined,
      causationId: undefined,
      key: undefined,
    })
  })

  test.each<CloudEvents>(['ce_', 'cloudEvents_'])(
    'headers keep their names, whatever they are, beside %s',
    (prefix) => {
      const headers = Object.fromEntries(
        [
          'traceparent',
          'X-Kopf',
          'ce_id',
          'CE_ID',
          'cloudEvents_id',
          'cloudEvents:id',
          'Content-Type',
          '__proto__',
          'constructor',
        ].map((name) => [name, `value of ${name}`]),
      )
      const into: Writing = Object.create(null) as Writing
      writeEvent(into, prefix)
      into[field.contentType] = 'application/json'
      into[field.attempt] = '2'
      writeHeaders(into, headers)
      expect(described(into, prefix).id).toBe('m-1')
      expect({ ...headersOf(into) }).toEqual({ ...headers })
    },
  )

  test('numbers are whole and not negative, or not there', () => {
    expect(numberOf({ n: '42' }, 'n')).toBe(42)
    for (const n of ['', '-1', '1.5', '1e3', 'NaN', '9'.repeat(16), ' 1']) expect(numberOf({ n }, 'n')).toBeUndefined()
  })

  test('a source is a reference to the service', () => {
    expect(sourceOf('billing service')).toBe('/billing%20service')
    expect(sourceOf('')).toBe('/taskwire')
  })
})
