/**
 * Testing: run a service in process, make contexts, hold time still.
 *
 * @packageDocumentation
 */
export { inject } from './inject.js'
export type { InjectOptions } from './inject.js'
export type { ByPattern, DispatchError, EmitError, Events, Glob, Inject, Messages, PatternOf } from './inject-types.js'
export { fixtureContext } from '../core/fixture.js'
export { seededRandom, virtualClock } from './virtual-clock.js'
export type { VirtualClock } from './virtual-clock.js'
export { conformance, conformanceMatrix, laterCases } from './conformance/index.js'
export type { Case, LaterCase, Row, Subject, World } from './conformance/index.js'
