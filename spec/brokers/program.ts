/** Where programs are. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const executable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The path of a program, looked for in `folders` and then in `PATH`. */
export const program = (name: string, folders: ReadonlyArray<string> = []): string | undefined =>
  [...folders, ...(process.env['PATH'] ?? '').split(delimiter)].map((folder) => join(folder, name)).find(executable)

/** The same for a program that has been found before. */
export const required = (name: string, folders: ReadonlyArray<string> = []): string => {
  const path = program(name, folders)
  if (path === undefined) throw new Error(`${name} was not found`)
  return path
}
