/** A certificate as the files that a broker reads. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { TlsFiles } from './software.js'

/** Writes PEM into files, which are gone after the test. */
export const tlsFiles = (pem: TlsFiles): TlsFiles => {
  const folder = mkdtempSync(join(tmpdir(), 'taskwire-tls-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  writeFileSync(files.cert, pem.cert)
  writeFileSync(files.key, pem.key)
  return files
}
