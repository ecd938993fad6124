/**
 * The moment before a consumer joins its group. kafkajs has no hook there, but it asks the cluster, which it hands to
 * assigners, for the coordinator right before each join, and waits for the answer.
 */
import type { Broker, Cluster } from 'kafkajs'

/** What a member is called in its group. It outlives the consumer, which cannot leave while its broker is away. */
export interface Identity {
  id: string | undefined
}

// The types of kafkajs leave these out.
interface Coordinator extends Broker {
  joinGroup?: (request: unknown) => Promise<{ readonly memberId: string }>
  readonly leaveGroup?: (member: { readonly groupId: string; readonly memberId: string }) => Promise<unknown>
}

/**
 * Waits for `leaving` before each join; leaves the group for the consumer that had this identity before, or the group would
 * wait for that one until its session has timed out; and keeps the new one. Answers the way to the coordinator without all
 * that.
 */
export const watched = (
  cluster: Cluster,
  groupId: string,
  identity: Identity,
  leaving: () => Promise<void>,
): (() => Promise<Broker>) => {
  const find = cluster.findGroupCoordinator.bind(cluster)
  const listened = new Set<Coordinator>()
  let before = identity.id
  identity.id = undefined
  const listen = (coordinator: Coordinator): void => {
    const { joinGroup } = coordinator
    if (joinGroup === undefined || listened.has(coordinator)) return
    listened.add(coordinator)
    coordinator.joinGroup = async (request) => {
      const joined = await joinGroup.call(coordinator, request)
      identity.id = joined.memberId
      return joined
    }
  }
  cluster.findGroupCoordinator = async (group) => {
    await leaving()
    const coordinator: Coordinator = await find(group)
    listen(coordinator)
    const gone = before
    before = undefined
    if (gone !== undefined) await coordinator.leaveGroup?.({ groupId, memberId: gone }).catch(() => undefined)
    return coordinator
  }
  return () => find({ groupId })
}
