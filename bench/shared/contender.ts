/** What a benchmark asks of a contender: a server, and a client that makes one call at a time per caller. */
import { type Check, type Payload, unchecked, validated } from './payload.js'

export type Call = (payload: Payload) => Promise<Payload>

/** Resolves when the event is accepted, by whatever the contender takes for that. */
export type Emit = (payload: Payload) => Promise<unknown>

/** To be called by the handler of events. */
export type Handled = (payload: Payload) => void

export interface Client {
  /** Resolves with the reply, or rejects. */
  readonly call: Call
  /** Where events are measured. */
  readonly emit?: Emit
}

export interface Contender<Place> {
  /** Answers requests at a place with the payload they carry, and hands events over; resolves when it does. */
  readonly serve: (place: Place, check: Check, handled: Handled) => Promise<void>
  /** Resolves once connected. */
  readonly connect: (place: Place, check: Check) => Promise<Client>
}

/** What the module of a benchmark's contenders has: it loads only what one needs, so that none pays for another. */
export interface Contenders<Place> {
  readonly load: (name: string, place: Place, nestjs: string) => Promise<Contender<Place>>
}

/** How a contender without codecs of its own checks payloads, on both sides. */
export const checkOf = (name: string): Check => (name === 'raw' ? unchecked : validated)
