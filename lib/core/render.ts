/** Errors as one line of text for people: what was wrong and what to do. Never a payload value, a stack or a credential. */
import type { CallFailure, DefinitionError, Issue, StartError } from './error.js'

const places = (issues: ReadonlyArray<Issue>): string =>
  issues.map(({ path, expected }) => `${path === '' ? 'the value' : path} (expected ${expected})`).join('; ')

const definition = (error: DefinitionError): string => {
  switch (error._tag) {
    case 'DuplicatePattern':
      return `two message handlers share the pattern ${error.pattern}: keep one, or bind them to different transports with 'on'`
    case 'DuplicateEndpoint':
      return `two endpoints share the id ${error.id}: give one an 'id' of its own`
    case 'DuplicateToken':
      return `two transports share the token ${error.token}: give one a 'name'`
    case 'UnknownToken':
      return `'on' of ${error.pattern} names ${error.token}, and no transport carries that token`
    case 'InvalidPattern':
      return `the pattern ${error.pattern} cannot be used: ${error.reason}`
    case 'InvalidOption':
      return `${error.option}${error.pattern === undefined ? '' : ` of ${error.pattern}`} must be ${error.expected}`
    case 'NoTransport':
      return 'the service has no transport: attach one with .transport(...)'
    case 'IncludedTransports':
      return `'${error.child}' has transports of its own: attach them to the service that includes it`
    case 'NameRequired':
      return `the transport ${error.transport} needs a service with a name: createMicroservice('name')`
  }
}

/** What `render` takes: any error of the library. */
export type Renderable = CallFailure | StartError | { readonly _tag: 'HandlerFailed' }

/** One line for any error of the library. Of a declared failure only that it is one: its content is the caller's business. */
export const render = (error: Renderable): string => {
  switch (error._tag) {
    case 'TimeoutError':
      return `no answer within ${String(Math.round(error.afterMs))} ms (waiting for the ${error.waitingFor})`
    case 'NoHandler':
      return `nobody handles ${error.pattern}: start its service, or correct the pattern`
    case 'InvalidPayload':
      return `the payload was refused: ${places(error.issues)}`
    case 'InvalidReply':
      return `the reply does not match its codec: ${places(error.issues)}`
    case 'Internal':
      return `the handler failed unexpectedly; its log has the details under ${error.errorId}`
    case 'Disconnected':
      return `the connection was lost; the message ${error.maybeProcessed ? 'may have been' : 'was not'} handled`
    case 'Overloaded':
      return `overloaded: the bound of ${String(error.limit)} was reached`
    case 'Cancelled':
      return 'cancelled by the caller'
    case 'Closed':
      return 'the client is closed'
    case 'OutcomeUnknown':
      return `the event may or may not have been accepted; emit it again with messageId ${error.messageId}`
    case 'Unauthorized':
      return `unauthorized: ${error.message}`
    case 'MessageTooLarge':
      return `the message is larger than ${String(error.limitBytes)} bytes`
    case 'TransportFailed':
      return `${error.name}: ${error.message}`
    case 'DriverMissing':
      return `the driver ${error.driver} is not installed: ${error.install}`
    case 'HandlerFailed':
      return 'the handler answered with its declared failure'
    case 'InvalidDefinition':
      return `the definition has mistakes: ${error.errors.map(definition).join('; ')}`
    case 'Unsupported':
      return `the transport ${error.transport} has no ${error.capability}${error.endpoint === undefined ? '' : `, which ${error.endpoint} asks for`}`
    case 'TopicMissing':
      return `these topics do not exist: ${error.topics.join(', ')}`
    case 'TopologyMismatch':
      return error.message
  }
}
