/** Each round starts with another contender, so that none always runs after the same one. */
export const rotated = <A>(all: ReadonlyArray<A>, round: number): ReadonlyArray<A> => [
  ...all.slice(round % all.length),
  ...all.slice(0, round % all.length),
]
