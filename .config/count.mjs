// Reads vitest JSON reports and prints, as the last line, for all of them together, `N passed, N failed, N skipped`. Exits 1
// when a test failed or a report has none that passed.
import { readFileSync } from 'node:fs'

const read = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    console.log(`no test report: ${error.message}`)
    return { success: false, testResults: [] }
  }
}

const reports = process.argv.slice(2).map(read)
const files = reports.flatMap((report) => report.testResults)
const tests = files.flatMap((file) => file.assertionResults)
const of = (...statuses) => tests.filter((test) => statuses.includes(test.status))

const passed = of('passed')
const skipped = of('skipped', 'pending', 'todo', 'disabled')
// A file that could not be loaded holds no test: it counts as one failure. Neither may a status unknown to this script pass.
const broken = files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
)
const failed = tests.length - passed.length - skipped.length + broken.length

for (const test of skipped) console.log(`skipped: ${test.fullName}`)
// At the end of a long log, where they are looked for.
for (const file of files)
  for (const test of file.assertionResults)
    if (test.status === 'failed')
      console.log(`failed: ${file.name}: ${test.fullName}\n${test.failureMessages.join('\n')}\n`)
for (const file of broken) console.log(`failed to run: ${file.name}`)
const succeeded = reports.length > 0 && reports.every((report) => report.success && report.numPassedTests > 0)
if (!succeeded && failed === 0) console.log('a test run failed outside of any test, or none of its tests passed')
console.log(`${passed.length} passed, ${failed} failed, ${skipped.length} skipped`)

process.exitCode = succeeded && failed === 0 ? 0 : 1
