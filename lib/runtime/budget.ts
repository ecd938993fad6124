/** The bound on what a runtime holds without running it: deliveries that wait for a slot or a lane, or are parked. */
export interface Budget {
  /** Takes room for a delivery of `bytes`; false when there is none. */
  readonly take: (bytes: number) => boolean
  /** Takes room for a delivery that is held already and cannot be refused any more. */
  readonly hold: (bytes: number) => void
  readonly give: (bytes: number) => void
  /** As much is held as may be, or more. */
  readonly full: () => boolean
  /** The number that `Overloaded` names. */
  readonly limit: number
}

/** 10,000 deliveries and 64 MiB of bodies, whichever comes first. */
export const budget = (limit = 10_000, limitBytes = 64 * 1024 * 1024): Budget => {
  let count = 0
  let held = 0
  const hold = (bytes: number): void => {
    count += 1
    held += bytes
  }
  return {
    take: (bytes) => {
      if (count >= limit || (count > 0 && held + bytes > limitBytes)) return false
      hold(bytes)
      return true
    },
    hold,
    give: (bytes) => {
      count -= 1
      held -= bytes
    },
    full: () => count >= limit || held >= limitBytes,
    limit,
  }
}
