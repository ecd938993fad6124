/** What takes time is waited for by looking again, within limits that hold on a busy machine, too. */

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Looks again until it is so; brokers get ten times the time that things take. Default 60 s, and a look every 20 ms. */
export const until = async (
  what: string | (() => string),
  holds: () => boolean | Promise<boolean>,
  ms = 60_000,
  everyMs = 20,
): Promise<void> => {
  for (const end = performance.now() + ms; !(await holds()); await pause(everyMs))
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${typeof what === 'string' ? what : what()}`)
}
