/**
 * How a group shares partitions. kafkajs' own assigner hands the leader's topics to everybody: a replica that subscribes to
 * one topic more than the leader, as during a deployment, gets none of it.
 */
import type { Assigner, Cluster } from 'kafkajs'
import type { Driver } from './station.js'

/** n.b. members of a group must share it: it can never change. */
export const protocolName = 'taskwire'
const version = 0

type Metadata = Driver['AssignerProtocol']['MemberMetadata']

const topicsOf = (metadata: Metadata, bytes: Buffer): ReadonlyArray<string> => {
  try {
    return metadata.decode(bytes)?.topics ?? []
  } catch {
    // A member that does not say what it wants gets nothing.
    return []
  }
}

/** Each topic goes to the members that subscribe to it, to whoever has the fewest partitions so far. */
export const share = (
  members: ReadonlyArray<{ readonly memberId: string; readonly topics: ReadonlyArray<string> }>,
  partitionsOf: (topic: string) => ReadonlyArray<number>,
): ReadonlyMap<string, Readonly<Record<string, Array<number>>>> => {
  const given = new Map(members.map(({ memberId }) => [memberId, Object.create(null) as Record<string, Array<number>>]))
  const load = new Map(members.map(({ memberId }) => [memberId, 0]))
  const topics = [...new Set(members.flatMap((member) => member.topics))].sort()
  for (const topic of topics) {
    const ids = members.filter((member) => member.topics.includes(topic)).map(({ memberId }) => memberId)
    ids.sort()
    for (const partition of [...partitionsOf(topic)].sort((a, b) => a - b)) {
      const least = ids.reduce((a, b) => ((load.get(b) ?? 0) < (load.get(a) ?? 0) ? b : a))
      const own = given.get(least) ?? {}
      ;(own[topic] ??= []).push(partition)
      load.set(least, (load.get(least) ?? 0) + 1)
    }
  }
  return given
}

const protocol = ({
  AssignerProtocol: { MemberMetadata },
}: Driver): Pick<Assigner, 'name' | 'version' | 'protocol'> => ({
  name: protocolName,
  version,
  protocol: ({ topics }) => ({
    name: protocolName,
    metadata: MemberMetadata.encode({ version, topics, userData: Buffer.alloc(0) }),
  }),
})

/** The assigner of services. */
export const sharing = (driver: Driver, cluster: Cluster): Assigner => {
  const { MemberMetadata, MemberAssignment } = driver.AssignerProtocol
  // n.b. the leader knows the partitions of its own topics only; one that is gone must not keep the rest from the group
  const learn = async (topics: ReadonlyArray<string>): Promise<void> => {
    try {
      await cluster.addMultipleTargetTopics([...topics])
    } catch {
      for (const topic of topics) await cluster.addMultipleTargetTopics([topic]).catch(() => undefined)
    }
  }
  return {
    ...protocol(driver),
    assign: async ({ members }) => {
      const wanting = members.map(({ memberId, memberMetadata }) => ({
        memberId,
        topics: topicsOf(MemberMetadata, memberMetadata),
      }))
      await learn([...new Set(wanting.flatMap(({ topics }) => topics))])
      const given = share(wanting, (topic) =>
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
      )
      return [...given].map(([memberId, assignment]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({ version, assignment, userData: Buffer.alloc(0) }),
      }))
    },
  }
}

/** The assigner of a group of one: it reads this partition. kafkajs has no other way to say so. */
export const pinned = (driver: Driver, topic: string, partition: number): Assigner => ({
  ...protocol(driver),
  assign: ({ members }) =>
    Promise.resolve(
      members.map(({ memberId }) => ({
        memberId,
        memberAssignment: driver.AssignerProtocol.MemberAssignment.encode({
          version,
          assignment: { [topic]: [partition] },
          userData: Buffer.alloc(0),
        }),
      })),
    ),
})
