/** The options of a Kafka transport, checked and filled in. */
import type { ConsumerConfig, KafkaConfig } from 'kafkajs'
import { problem, sharedProblems, type Problem } from '../broker/problems.js'

/** What of kafkajs' consumer options has a meaning here. */
export type KafkaConsumerOptions = Pick<
  ConsumerConfig,
  | 'heartbeatInterval'
  | 'maxBytes'
  | 'maxBytesPerPartition'
  | 'maxWaitTimeInMs'
  | 'minBytes'
  | 'rackId'
  | 'readUncommitted'
  | 'rebalanceTimeout'
  | 'sessionTimeout'
>

/** Options of kafkajs, which are handed on as they are: `ssl`, `sasl`, `clientId`, timeouts, `socketFactory`, ... */
export interface KafkaJsOptions extends Omit<KafkaConfig, 'brokers'> {
  /** For every consumer. */
  readonly consumer?: KafkaConsumerOptions
}

/** How topics are created. */
export interface TopicCreation {
  /** Default 6. Topics of dead letters get one. */
  readonly partitions?: number
  /** Default -1: what the broker says. */
  readonly replicationFactor?: number
}

export interface KafkaOptions<out N extends string = 'kafka'> {
  /** The token; default `kafka`. */
  readonly name?: N
  /** Brokers to begin with, `host:port` each; the others are learnt from them. */
  readonly brokers: ReadonlyArray<string>
  /** Options of kafkajs, handed on. Its `retry` is not among them: how often what is tried is the transport's own. */
  readonly kafkajs?: Omit<KafkaJsOptions, 'retry'>
  /** Stands before the name of every topic and group. At most 60 letters, digits, `.` and `-`; default none. */
  readonly prefix?: string
  /**
   * Whether topics that are missing are created. Default false: `listen` names them in `TopicMissing`. `true` is 6
   * partitions and the broker's own replication factor. Clients never create topics of requests.
   */
  readonly createTopics?: boolean | TopicCreation
  /**
   * Where an event waits for its retry. Default false: in this process, for at most 10 s, while its endpoint gets nothing
   * else of its partition. `true`: in the service's retry topic, for as long as the policy says, while all others go on.
   */
  readonly retryTopics?: boolean
  /** Where a service that starts for the first time begins: at the `end` of each topic (default), or at its `beginning`. */
  readonly startAt?: 'end' | 'beginning'
}

/** The largest body: what a broker takes by default, less what goes with it. */
export const maxMessageBytes = 921_600

/** The same, complete. */
export interface Settings {
  readonly name: string
  readonly brokers: ReadonlyArray<string>
  readonly kafkajs: Omit<KafkaConfig, 'brokers' | 'retry'>
  readonly consumer: KafkaConsumerOptions
  readonly prefix: string
  readonly createTopics: Required<TopicCreation> | undefined
  readonly retryTopics: boolean
  readonly startAt: 'end' | 'beginning'
}

const count = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 1

const creation = (given: KafkaOptions['createTopics']): Required<TopicCreation> | undefined =>
  given === undefined || given === false
    ? undefined
    : { partitions: 6, replicationFactor: -1, ...(given === true ? {} : given) }

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** Fills in the defaults; `problems` names what is out of its range. */
export const settingsOf = (
  options: KafkaOptions<string>,
): { readonly settings: Settings; readonly problems: ReadonlyArray<Problem> } => {
  const { name = 'kafka', brokers, prefix = '', retryTopics = false, startAt = 'end', createTopics } = options
  const { consumer = {}, ...kafkajs }: KafkaJsOptions = options.kafkajs ?? {}
  const topics = creation(createTopics)
  // n.b. a member hears of a rebalance with its next heartbeat, and the others stand still until then
  const { sessionTimeout = 30_000, heartbeatInterval = 1_000 } = consumer
  const given: ReadonlyArray<unknown> = Array.isArray(brokers) ? brokers : []
  return {
    settings: {
      name,
      brokers,
      kafkajs,
      prefix,
      retryTopics,
      startAt,
      createTopics: topics,
      consumer: {
        sessionTimeout,
        heartbeatInterval,
        rebalanceTimeout: 60_000,
        maxWaitTimeInMs: 500,
        maxBytesPerPartition: 524_288,
        ...consumer,
      },
    },
    problems: [
      ...sharedProblems(name, prefix),
      ...problem(
        'brokers',
        'a list of at least one "host:port"',
        given.length === 0 || !given.every((one) => typeof one === 'string' && /^\S+:\d{1,5}$/.test(one)),
      ),
      ...problem('kafkajs', 'an object', options.kafkajs !== undefined && !isObject(options.kafkajs)),
      ...problem(
        'createTopics',
        'a boolean, or partitions and replicationFactor as whole numbers (-1: the default of the broker)',
        topics !== undefined &&
          !(
            (createTopics === true || isObject(createTopics)) &&
            count(topics.partitions) &&
            (count(topics.replicationFactor) || topics.replicationFactor === -1)
          ),
      ),
      ...problem('retryTopics', 'a boolean', typeof retryTopics !== 'boolean'),
      ...problem('startAt', '"end" or "beginning"', !['end', 'beginning'].includes(startAt)),
      ...problem(
        'kafkajs.consumer.heartbeatInterval',
        'less than sessionTimeout',
        !(heartbeatInterval > 0 && heartbeatInterval < sessionTimeout),
      ),
    ],
  }
}
