/** The cases that the page has to show: F01 to F29. */
export const cases: ReadonlyArray<string> = Array.from({ length: 29 }, (_, n) => `F${String(n + 1).padStart(2, '0')}`)
