/** The places that connections take on a server: so many for each address, and so many in all. */

/** Keeps the place of a connection for something more; the result gives it back. */
export type Occupy = () => () => void

export interface Places {
  /**
   * A place for a connection of an address; `undefined` where it has too many. A place is free when everything that has
   * occupied it has given it back.
   */
  readonly take: (address: string) => Occupy | undefined
}

export const places = (most: number, mostPerAddress: number): Places => {
  const perAddress = new Map<string, number>()
  let total = 0

  const leave = (address: string): void => {
    total -= 1
    const left = (perAddress.get(address) ?? 1) - 1
    if (left > 0) perAddress.set(address, left)
    else perAddress.delete(address)
  }

  return {
    take: (address) => {
      const already = perAddress.get(address) ?? 0
      if (total >= most || already >= mostPerAddress) return undefined
      total += 1
      perAddress.set(address, already + 1)
      let uses = 0
      return () => {
        uses += 1
        let given = false
        return () => {
          if (given) return
          given = true
          uses -= 1
          if (uses === 0) leave(address)
        }
      }
    },
  }
}
