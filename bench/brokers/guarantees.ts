/** What each contender promises of an event: the figures compare different things otherwise. */
import type { Kind } from '../../spec/brokers/software.js'

const same = (text: string) => ({ raw: text, 'raw + io-ts': text })

export const guarantees: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  redis: {
    taskwire: 'stream; emit waits for XADD; acknowledged after the handler; retries, dead letters',
    ...same('stream; emit waits for XADD; acknowledged after the handler, a batch at a time'),
    nestjs: 'pub/sub, at most once: lost when nobody listens, nothing acknowledged; each replica gets every event',
    moleculer:
      'pub/sub to a node that the sender picks; emit waits for nothing; at most once: lost when that node is gone',
  },
  amqp: {
    taskwire:
      'quorum queue, persistent; emit waits for the confirm; acknowledged after the handler; retries, dead letters',
    ...same('quorum queue, persistent; emit waits for the confirm; acknowledged after the handler, a tick at a time'),
    nestjs: 'classic queue, transient; emit waits for the confirm; at most once: acknowledged when delivered',
    'nestjs + ack': 'classic queue, persistent; emit waits for the confirm; acknowledged by the handler',
    moleculer:
      'queue of a node that the sender picks, gone 2 minutes after it; emit waits for nothing; at most once: acknowledged when delivered',
  },
  kafka: {
    taskwire: 'emit waits for all replicas; committed after the handler; retries, dead letters',
    ...same('emit waits for all replicas; committed after the handler, a batch at a time'),
    nestjs: 'emit waits for all replicas; committed after the handler',
    moleculer:
      'topic of a node that the sender picks; emit waits for all replicas; committed unhandled, by time; a node that starts again reads nothing of before',
  },
}
