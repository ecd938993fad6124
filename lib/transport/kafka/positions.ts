/** Where a group begins: what it has committed, and what becomes its first position where it has committed nothing. */
import type { Assignment, Member } from './member.js'
import { placeOf } from './window.js'

/** A partition that a member has now. */
export interface Assigned {
  readonly topic: string
  readonly partition: number
  /** Where to begin. */
  readonly offset: number
  /** The group was never there before: what a member knows of it is of a topic that is gone. */
  readonly fresh: boolean
}

export type Place = Pick<Assigned, 'topic' | 'partition'>

type ByTopic = Array<{ topic: string; partitions: Array<{ partition: number; offset: string }> }>

const byTopic = (places: ReadonlyArray<Place>): ByTopic =>
  [...new Set(places.map(({ topic }) => topic))].map((topic) => ({
    topic,
    partitions: places.filter((one) => one.topic === topic).map(({ partition }) => ({ partition, offset: '-1' })),
  }))

const unique = (places: ReadonlyArray<Place>): ReadonlyArray<Place> => [
  ...new Map(places.map((place) => [placeOf(place), place])).values(),
]

/** Every partition of these topics. */
export const placesOf = ({ cluster }: Member, topics: ReadonlyArray<string>): ReadonlyArray<Place> =>
  topics.flatMap((topic) =>
    cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ topic, partition: partitionId })),
  )

/** Where the group stands at each place; those where it never was are missing. */
export const committed = async (
  { coordinator }: Member,
  groupId: string,
  places: ReadonlyArray<Place>,
): Promise<ReadonlyMap<string, number>> => {
  if (places.length === 0) return new Map()
  const { responses } = await (await coordinator()).offsetFetch({ groupId, topics: byTopic(places) })
  return new Map<string, number>(
    responses.flatMap(({ topic, partitions }) =>
      partitions.flatMap(({ partition, offset }) =>
        // n.b. -2 is what kafkajs commits where the position was gone: the first record there is
        Number(offset) === -1 ? [] : [[placeOf({ topic, partition }), Math.max(0, Number(offset))] as const],
      ),
    ),
  )
}

/**
 * The positions of what a member was assigned. On a topic where the group has no position at all it starts for the first
 * time: the ends (or the beginnings) of all its partitions are committed at once, whoever reads them. A partition without a
 * position on any other topic was added later, and begins at its first record: nothing of it may be passed over.
 */
export const positionsOf = async (
  member: Member,
  groupId: string,
  assignment: Assignment,
  fromEnd: (topic: string) => boolean,
): Promise<ReadonlyArray<Assigned>> => {
  const { consumer, cluster } = member
  const own = Object.entries(assignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  )
  const all = unique([...own, ...placesOf(member, Object.keys(assignment))])
  const known = new Map(await committed(member, groupId, all))
  const started = new Set(all.filter((place) => known.has(placeOf(place))).map(({ topic }) => topic))
  const first = async (
    places: ReadonlyArray<Place>,
    fromBeginning: boolean,
  ): Promise<ReadonlyArray<Place & { offset: string }>> => {
    if (places.length === 0) return []
    const found = await cluster.fetchTopicsOffset(byTopic(places).map((one) => ({ ...one, fromBeginning })))
    return found.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => ({ topic, partition, offset })),
    )
  }
  const mine = new Set(own.map(placeOf))
  const fresh = all.filter(
    (place) => !known.has(placeOf(place)) && (mine.has(placeOf(place)) || !started.has(place.topic)),
  )
  const ends = (place: Place): boolean => !started.has(place.topic) && fromEnd(place.topic)
  const begun = [
    ...(await first(fresh.filter(ends), false)),
    ...(await first(
      fresh.filter((place) => !ends(place)),
      true,
    )),
  ]
  if (begun.length > 0) await consumer.commitOffsets(begun)
  for (const place of begun) {
    known.set(placeOf(place), Number(place.offset))
    if (mine.has(placeOf(place))) consumer.seek(place)
  }
  const begunNow = new Set(begun.map(placeOf))
  return own.map((place) => ({
    ...place,
    offset: known.get(placeOf(place)) ?? 0,
    fresh: begunNow.has(placeOf(place)),
  }))
}
