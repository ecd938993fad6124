/** What the benchmark asks of a contender: a server, and a client that makes one call at a time per caller. */
import { type Check, type Payload, unchecked, validated } from './payload.js'

export type Call = (payload: Payload) => Promise<Payload>

export interface Contender {
  /** Answers `echo` on 127.0.0.1:port with the payload it got. */
  readonly serve: (port: number, check: Check) => Promise<void>
  /** Resolves once connected; a call resolves with the reply, or rejects. */
  readonly connect: (port: number, check: Check) => Promise<Call>
}

export const names = ['taskwire', 'raw', 'raw + io-ts', 'nestjs'] as const
export type Name = (typeof names)[number]

export const isName = (name: string): name is Name => (names as ReadonlyArray<string>).includes(name)

/** Loads only what the contender needs, so that nobody pays for another one's modules. `nestjs` is the URL of nestjs.mjs. */
export const load = async (name: Name, nestjs: string): Promise<Contender> => {
  switch (name) {
    case 'taskwire':
      return import('./taskwire.js')
    case 'raw':
    case 'raw + io-ts':
      return import('./raw/contender.js')
    case 'nestjs':
      return (await import(nestjs)) as Contender
  }
}

/** How a contender without codecs of its own checks payloads, on both sides. */
export const checkOf = (name: Name): Check => (name === 'raw' ? unchecked : validated)
