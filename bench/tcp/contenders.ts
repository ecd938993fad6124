/** The contenders over TCP. Their place is a port of 127.0.0.1. */
import type { Contender, Contenders } from '../shared/contender.js'

export type TcpContender = Contender<number>

export const names = ['taskwire', 'raw', 'raw + io-ts', 'nestjs'] as const

/** @public Called by shared/peer.ts, which finds this module by its URL. */
export const load: Contenders<number>['load'] = async (name, _port, nestjs) => {
  switch (name) {
    case 'taskwire':
      return import('./taskwire.js')
    case 'nestjs':
      return (await import(nestjs)) as TcpContender
    default:
      return import('./raw/contender.js')
  }
}
