/** The contenders over TCP. Their place is a port of 127.0.0.1. */
import type { Contender, Contenders } from '../shared/contender.js'

export type TcpContender = Contender<number>

export const names = ['taskwire', 'raw', 'raw + io-ts', 'nestjs', 'moleculer', 'grpc'] as const

/** @public Called by shared/peer.ts, which finds this module by its URL. */
export const load: Contenders<number>['load'] = async (name, _port, peers) => {
  switch (name) {
    case 'taskwire':
    case 'taskwire unchecked':
      return import('./taskwire.js')
    case 'nestjs':
      return (await import(`${peers}tcp/nestjs.mjs`)) as TcpContender
    case 'moleculer':
      return (await import(`${peers}moleculer/tcp.mjs`)) as TcpContender
    case 'grpc':
      return (await import(`${peers}tcp/grpc.mjs`)) as TcpContender
    default:
      return import('./raw/contender.js')
  }
}
