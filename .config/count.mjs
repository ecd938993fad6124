// Reads a vitest JSON report and prints, as the last line, `N passed, N failed, N skipped`. Exits 1 when a test failed or none ran.
import { readFileSync } from 'node:fs'

const read = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    console.log(`no test report: ${error.message}`)
    return { success: false, testResults: [] }
  }
}

const report = read(process.argv[2])
const tests = report.testResults.flatMap((file) => file.assertionResults)
const of = (...statuses) => tests.filter((test) => statuses.includes(test.status))

const passed = of('passed')
const skipped = of('skipped', 'pending', 'todo', 'disabled')
// A file that could not be loaded holds no test: it counts as one failure. Neither may a status unknown to this script pass.
const broken = report.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
)
const failed = tests.length - passed.length - skipped.length + broken.length

for (const test of skipped) console.log(`skipped: ${test.fullName}`)
for (const file of broken) console.log(`failed to run: ${file.name}`)
if (!report.success && failed === 0) console.log('the test run failed outside of any test')
console.log(`${passed.length} passed, ${failed} failed, ${skipped.length} skipped`)

process.exitCode = report.success && failed === 0 && passed.length > 0 ? 0 : 1
