/** The contenders over a broker. Their place is that broker, and a name that no other pair has for its destinations. */
import type { Kind } from '../../spec/brokers/software.js'
import type { Contender, Contenders } from '../shared/contender.js'

export interface Place {
  readonly kind: Kind
  readonly url: string
  readonly id: string
}

export type BrokerContender = Contender<Place>

const common = ['taskwire', 'raw', 'raw + io-ts', 'nestjs', 'moleculer'] as const

/** `nestjs + ack`: persistent messages, acknowledged by the handler; a choice that NestJS leaves to its users. */
export const namesOf: Readonly<Record<Kind, ReadonlyArray<string>>> = {
  redis: common,
  amqp: ['taskwire', 'raw', 'raw + io-ts', 'nestjs', 'nestjs + ack', 'moleculer'],
  kafka: common,
}

const raw = (kind: Kind): Promise<BrokerContender> => {
  switch (kind) {
    case 'redis':
      return import('./raw/redis.js')
    case 'amqp':
      return import('./raw/amqp.js')
    case 'kafka':
      return import('./raw/kafka.js')
  }
}

/** @public Called by shared/peer.ts, which finds this module by its URL. */
export const load: Contenders<Place>['load'] = async (name, { kind }, peers) => {
  switch (name) {
    case 'taskwire':
      return import('./taskwire.js')
    case 'moleculer':
      return (await import(`${peers}moleculer/brokers.mjs`)) as BrokerContender
    case 'nestjs':
      return (await import(`${peers}brokers/nestjs.mjs`)) as BrokerContender
    case 'nestjs + ack':
      return ((await import(`${peers}brokers/nestjs.mjs`)) as { readonly acknowledging: BrokerContender }).acknowledging
    default:
      return raw(kind)
  }
}
