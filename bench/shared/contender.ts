/** What a benchmark asks of a contender: a server, and a client that makes one call at a time per caller. */
import type { Check, Payload, PayloadCodec } from './payload.js'

export type Call = (payload: Payload) => Promise<Payload>

/** Resolves when the event is accepted, by whatever the contender takes for that. */
export type Emit = (payload: Payload) => Promise<unknown>

/** To be called by the handler of events. */
export type Handled = (payload: Payload) => void

export interface Endpoint {
  readonly name: string
  /** For a contender with codecs. */
  readonly codec: PayloadCodec
  /** For a contender without: what it does with a payload, on both sides. */
  readonly check: Check
}

/** Of a request that stays in flight. */
export interface Held {
  /** To be called when the handler begins. */
  readonly started: () => void
  /** What the handler answers with, the same for all: it costs nothing for each. */
  readonly reply: Promise<Payload>
}

export interface Served extends Endpoint {
  /** Answers with that, and not with the payload. */
  readonly held?: Held
}

export type Several<A> = readonly [A, ...ReadonlyArray<A>]

export interface Client {
  /** One for each endpoint, in their order. Resolves with the reply, or rejects. */
  readonly calls: ReadonlyArray<Call>
  /** Where events are measured. */
  readonly emit?: Emit
}

export interface Contender<Place> {
  /** Answers requests at a place with the payload they carry, and hands events over; resolves when it does. */
  readonly serve: (place: Place, endpoints: Several<Served>, handled: Handled) => Promise<void>
  /** Resolves once connected, over a connection of its own. */
  readonly connect: (place: Place, endpoints: Several<Endpoint>) => Promise<Client>
}

/** What the module of a benchmark's contenders has: it loads only what one needs, so that none pays for another. */
export interface Contenders<Place> {
  /** `peers` is the URL of the folder that holds the contenders with packages of their own. */
  readonly load: (name: string, place: Place, peers: string) => Promise<Contender<Place>>
}
