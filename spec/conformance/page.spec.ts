import { expect, test } from 'vitest'
import { page } from './page.js'
import { examined } from './subjects.js'

// Written anew by `npm test -- spec/conformance/page.spec.ts -u`.
test('docs/conformance.md says what the flags and the runs of the cases say', async () => {
  await expect(await page(Object.values(examined))).toMatchFileSnapshot('../../docs/conformance.md')
})
