import { conformance, conformanceMatrix, type Subject } from 'taskwire/testing'

/** What takes a second or more; run only for those whom it concerns. */
const slow: ReadonlyArray<string> = ['C01', 'C10', 'C11', 'C13', 'C16', 'C25', 'C26', 'C30']

/** The cases that fail, of all quick ones and those slow ones that are named. */
export const failing = async (subject: Subject, ...also: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const cases = conformance(subject).filter(({ id }) => !slow.includes(id) || also.includes(id))
  const rows = await conformanceMatrix(cases)()
  return rows.filter(({ broken }) => broken !== undefined).map(({ id }) => id)
}
