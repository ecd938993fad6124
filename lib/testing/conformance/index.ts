/**
 * The conformance kit: what every transport must do, as cases for any test runner.
 */
export { conformance } from './conformance.js'
export { conformanceMatrix, type Row } from './matrix.js'
export { laterCases, type LaterCase } from './later.js'
export type { Case } from './case.js'
export type { Subject, World } from './subject.js'
