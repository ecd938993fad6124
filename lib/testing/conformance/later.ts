/** A guarantee that the kit does not examine yet. */
export interface LaterCase {
  readonly id: string
  readonly title: string
  readonly reason: string
}

/** What is missing between C01 and C42, and why. */
export const laterCases: ReadonlyArray<LaterCase> = [
  {
    id: 'C28',
    title: 'A batch endpoint takes events by number and by time; after a partial failure only what failed comes again.',
    reason: 'Batches are planned: no transport declares them.',
  },
  {
    id: 'C36',
    title:
      'A streamed reply of 10,000 values keeps order and number with a slow reader, and a cancel stops its producer.',
    reason: 'Streamed replies are planned: no transport declares them.',
  },
]
