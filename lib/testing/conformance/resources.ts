/** Sockets, servers and timers that keep this process alive: how many of each kind, by name. */
export const resources = (): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo())
    if (/^(TCP|TLS|UDP|Timeout)/.test(name)) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** What there is more of now than before. */
export const moreThan = (
  before: Readonly<Record<string, number>>,
  now: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(now).flatMap(([name, count]) => {
      const more = count - (before[name] ?? 0)
      return more > 0 ? [[name, more]] : []
    }),
  )
