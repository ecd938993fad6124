/** Vitest runs this before all specs, in its own process. It starts no broker: the first spec that needs one does. */
export { share as default } from './shared.js'
