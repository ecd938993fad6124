import type * as t from 'io-ts'
import type { Issue } from './error.js'
import { maxIssues } from './envelope.js'

const short = (text: string): string => (text.length > 200 ? `${text.slice(0, 197)}...` : text)

const issueOf = ({ context, message }: t.ValidationError): Issue => {
  // The first entry is the codec's own root; members of unions and intersections have numeric keys that are no path.
  const path = context
    .slice(1)
    .filter((_, i) => {
      const tag = (context[i]?.type as { readonly _tag?: string } | undefined)?._tag
      return tag !== 'UnionType' && tag !== 'IntersectionType'
    })
    .map(({ key }) => key)
    .filter((key) => key !== '')
  return { path: short(path.join('.')), expected: short(message ?? context.at(-1)?.type.name ?? 'another value') }
}

/**
 * Where io-ts found a value wanting: paths and expected types, at most 20, never the values.
 * n.b. a custom `message` of a codec is taken as the expected type, so keep values out of it.
 */
export const issuesOf = (errors: t.Errors): ReadonlyArray<Issue> => errors.slice(0, maxIssues).map(issueOf)
