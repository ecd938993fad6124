import { render, type ClientError, type DefinitionError, type StartError } from 'taskwire'
import { describe, expect, test } from 'vitest'

type Any = ClientError<unknown> | StartError
type ByTag<E extends { readonly _tag: string }> = {
  readonly [K in E['_tag']]: readonly [Extract<E, { readonly _tag: K }>, string]
}

const issues = [
  { path: '', expected: 'an object' },
  { path: 'a.b', expected: 'number' },
]

// Records, so that a tag without a case does not compile.
const errors: ByTag<Any> = {
  TimeoutError: [
    { _tag: 'TimeoutError', afterMs: 99.7, waitingFor: 'reply' },
    'no answer within 100 ms (waiting for the reply)',
  ],
  NoHandler: [
    { _tag: 'NoHandler', pattern: 'users.get' },
    'nobody handles users.get: start its service, or correct the pattern',
  ],
  InvalidPayload: [
    { _tag: 'InvalidPayload', issues },
    'the payload was refused: the value (expected an object); a.b (expected number)',
  ],
  InvalidReply: [
    { _tag: 'InvalidReply', issues },
    'the reply does not match its codec: the value (expected an object); a.b (expected number)',
  ],
  Internal: [{ _tag: 'Internal', errorId: 'id' }, 'the handler failed unexpectedly; its log has the details under id'],
  Disconnected: [
    { _tag: 'Disconnected', maybeProcessed: false },
    'the connection was lost; the message was not handled',
  ],
  Overloaded: [{ _tag: 'Overloaded', limit: 5 }, 'overloaded: the bound of 5 was reached'],
  Cancelled: [{ _tag: 'Cancelled' }, 'cancelled by the caller'],
  Closed: [{ _tag: 'Closed' }, 'the client is closed'],
  OutcomeUnknown: [
    { _tag: 'OutcomeUnknown', messageId: 'm' },
    'the event may or may not have been accepted; emit it again with messageId m',
  ],
  Unauthorized: [{ _tag: 'Unauthorized', message: 'no token' }, 'unauthorized: no token'],
  MessageTooLarge: [{ _tag: 'MessageTooLarge', limitBytes: 10 }, 'the message is larger than 10 bytes'],
  TransportFailed: [{ _tag: 'TransportFailed', name: 'tcp', message: 'refused', cause: 'secret' }, 'tcp: refused'],
  DriverMissing: [
    { _tag: 'DriverMissing', driver: 'kafkajs', install: 'npm install kafkajs' },
    'the driver kafkajs is not installed: npm install kafkajs',
  ],
  HandlerFailed: [{ _tag: 'HandlerFailed', error: 'secret' }, 'the handler answered with its declared failure'],
  InvalidDefinition: [
    { _tag: 'InvalidDefinition', errors: [{ _tag: 'NoTransport' }, { _tag: 'DuplicateToken', token: 'a' }] },
    "the definition has mistakes: the service has no transport: attach one with .transport(...); two transports share the token a: give one a 'name'",
  ],
  Unsupported: [
    { _tag: 'Unsupported', transport: 'tcp', capability: 'deadLetter', endpoint: 'e' },
    'the transport tcp has no deadLetter, which e asks for',
  ],
  TopicMissing: [{ _tag: 'TopicMissing', topics: ['a', 'b'] }, 'these topics do not exist: a, b'],
  TopologyMismatch: [{ _tag: 'TopologyMismatch', message: 'other arguments' }, 'other arguments'],
}

const mistakes: ByTag<DefinitionError> = {
  DuplicatePattern: [{ _tag: 'DuplicatePattern', pattern: 'p' }, "two message handlers share the pattern p: keep one, or bind them to different transports with 'on'"], // prettier-ignore
  DuplicateEndpoint: [{ _tag: 'DuplicateEndpoint', id: 'i' }, "two endpoints share the id i: give one an 'id' of its own"], // prettier-ignore
  DuplicateToken: [{ _tag: 'DuplicateToken', token: 't' }, "two transports share the token t: give one a 'name'"],
  UnknownToken: [{ _tag: 'UnknownToken', token: 't', pattern: 'p' }, "'on' of p names t, and no transport carries that token"], // prettier-ignore
  InvalidPattern: [{ _tag: 'InvalidPattern', pattern: 'p', reason: 'r' }, 'the pattern p cannot be used: r'],
  InvalidOption: [
    { _tag: 'InvalidOption', option: 'timeout', expected: 'above 0', pattern: 'p' },
    'timeout of p must be above 0',
  ],
  NoTransport: [{ _tag: 'NoTransport' }, 'the service has no transport: attach one with .transport(...)'],
  IncludedTransports: [{ _tag: 'IncludedTransports', child: 'c' }, "'c' has transports of its own: attach them to the service that includes it"], // prettier-ignore
  NameRequired: [{ _tag: 'NameRequired', transport: 'kafka' }, "the transport kafka needs a service with a name: createMicroservice('name')"], // prettier-ignore
}

describe('render', () => {
  test.each(Object.entries(errors))(
    'of %s is one line that says what to do, and nothing secret',
    (_, [error, line]) => {
      expect(render(error)).toBe(line)
      expect(render(error)).not.toMatch(/secret|\n/)
    },
  )

  test.each(Object.entries(mistakes))('of a definition with %s', (_, [error, line]) => {
    expect(render({ _tag: 'InvalidDefinition', errors: [error] })).toBe(`the definition has mistakes: ${line}`)
  })

  test('tells the two ways of some apart', () => {
    expect(render({ _tag: 'Disconnected', maybeProcessed: true })).toBe(
      'the connection was lost; the message may have been handled',
    )
    expect(render({ _tag: 'Unsupported', transport: 't', capability: 'durable', endpoint: undefined })).toBe(
      'the transport t has no durable',
    )
    expect(
      render({
        _tag: 'InvalidDefinition',
        errors: [{ _tag: 'InvalidOption', option: 'timeout', expected: 'x', pattern: undefined }],
      }),
    ).toBe('the definition has mistakes: timeout must be x')
  })
})
