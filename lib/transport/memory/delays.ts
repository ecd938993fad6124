import type { Member } from './worker.js'

/** What is due later, on the clocks of the members that asked for it. */
export interface Delays<A> {
  readonly add: (value: A, ms: number, member: Member) => void
  /** The member is gone: the heir's clock keeps the rest of its time; without an heir they wait for one. */
  readonly depart: (member: Member, heir: Member | undefined) => void
  /** A member is there for those that have none. */
  readonly adopt: (member: Member) => void
  readonly size: () => number
  /** Forgets everything; answers what was waiting. */
  readonly clear: () => ReadonlyArray<A>
}

interface Delayed<A> {
  readonly value: A
  readonly member: Member
  /** On the member's monotonic clock. */
  readonly dueAt: number
  readonly forget: () => void
}

interface Orphan<A> {
  readonly value: A
  readonly leftMs: number
  /** Unix milliseconds; the only clock that two members are sure to share. */
  readonly since: number
}

/** Nothing delayed. `due` gets each value when its time has come. */
export const delays = <A>(due: (value: A) => void): Delays<A> => {
  const timed = new Set<Delayed<A>>()
  let orphans: Array<Orphan<A>> = []
  const add = (value: A, ms: number, member: Member): void => {
    const { clock } = member.environment
    const forget = clock.after(ms, () => {
      timed.delete(delayed)
      due(value)
    })
    const delayed: Delayed<A> = { value, member, dueAt: clock.now() + ms, forget }
    timed.add(delayed)
  }
  return {
    add,
    depart: (member, heir) => {
      const { clock } = member.environment
      for (const delayed of timed) {
        if (delayed.member !== member) continue
        timed.delete(delayed)
        delayed.forget()
        const leftMs = Math.max(0, delayed.dueAt - clock.now())
        if (heir === undefined) orphans.push({ value: delayed.value, leftMs, since: clock.unix() })
        else add(delayed.value, leftMs, heir)
      }
    },
    adopt: (member) => {
      const { clock } = member.environment
      const found = orphans
      orphans = []
      // n.b. a wall clock that was put back must not lengthen a delay
      for (const { value, leftMs, since } of found)
        add(value, Math.max(0, leftMs - Math.max(0, clock.unix() - since)), member)
    },
    size: () => timed.size + orphans.length,
    clear: () => {
      const values = [...timed].map(({ value }) => value).concat(orphans.map(({ value }) => value))
      timed.forEach(({ forget }) => {
        forget()
      })
      timed.clear()
      orphans = []
      return values
    },
  }
}
