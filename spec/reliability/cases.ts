/** The cases that the page has to show: F01 to F24. */
export const cases: ReadonlyArray<string> = Array.from({ length: 24 }, (_, n) => `F${String(n + 1).padStart(2, '0')}`)
