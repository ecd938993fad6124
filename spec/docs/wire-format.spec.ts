/** docs/wire-format.md is what programs in other languages are written against: it says what the code does. */
import { readFileSync } from 'node:fs'
import type { Pattern } from 'taskwire'
import { describe, expect, test } from 'vitest'
import { canonical } from '../../lib/core/pattern.js'
import { patternField, restField } from '../../lib/transport/amqp/fields.js'
import { replyHeader, requestHeader } from '../../lib/transport/broker/addressed.js'
import { field, writeCommon, writeOwn, type Writing } from '../../lib/transport/broker/attributes.js'
import { letterField } from '../../lib/transport/broker/letter.js'
import { nameOf } from '../../lib/transport/broker/names.js'
import { delay, notBefore } from '../../lib/transport/kafka/record.js'
import { root } from './pages.js'

const text = readFileSync(`${root}docs/wire-format.md`, 'utf8')
const rows = [...text.matchAll(/^\| `([^`]+)` *\| (?:`([^`]+)`)?/gm)].map(([, first = '', second = '']) => [
  first,
  second,
])
const listed = (prefix: string): ReadonlyArray<string> =>
  rows.map(([first = '']) => first).filter((first) => first.startsWith(prefix))

describe('docs/wire-format.md', () => {
  test('shows names as they are', () => {
    const patterns: ReadonlyArray<Pattern> = ['user.created', 'order-paid', 'a_b', 'users/get', { cmd: 'sum' }]
    const names = patterns.map((pattern) => {
      const form = canonical(pattern)
      return form._tag === 'Right' ? nameOf(form.right) : form.left
    })
    expect(rows.slice(0, patterns.length).map(([, name]) => name)).toEqual(names)
  })

  test('lists the attributes of events', () => {
    const into: Writing = {}
    writeCommon(into, 'ce_', 't', '/')
    writeOwn(into, 'ce_', { id: '1', correlationId: '2', causationId: '3', key: '4' }, 'now')
    const written = Object.keys(into).map((name) => name.slice('ce_'.length))
    const table = text.slice(text.indexOf('## Metadata of events'), text.indexOf('## Fields of the library'))
    const attributes = [...table.matchAll(/^\| `([a-z]+)`/gm)].map(([, name]) => name)
    expect([...attributes].sort()).toEqual([...written, 'datacontenttype'].sort())
  })

  test('lists the fields of the library and of dead letters', () => {
    const fields = Object.values(field).filter((name) => name !== field.contentType)
    const own = [requestHeader, replyHeader, patternField, restField, notBefore, delay]
    expect([...listed('taskwire-')].sort()).toEqual([...fields, ...own, ...Object.values(letterField)].sort())
  })
})
