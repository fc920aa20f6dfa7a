import { type ExactJson, isObject, listOf, parseExactJson } from '../exact-json.ts'

/** What a column holds: exports of databases and CSV have JSON as text in it. */
export function structured(value: ExactJson | undefined): ExactJson | undefined {
  if (typeof value !== 'string' || !/^\s*[[{]/u.test(value)) return value
  try {
    return parseExactJson(value)
  } catch {
    return undefined
  }
}

/** What is somewhere within an object, whose parts may be texts of JSON. */
export function within(value: ExactJson | undefined, ...path: readonly string[]) {
  return path.reduce<ExactJson | undefined>((holder, name) => {
    const parsed = structured(holder)
    return isObject(parsed) ? parsed[name] : undefined
  }, value)
}

/** A list of words as tags: `team:web` and `team=web` have a value, a word alone is `true`. */
export function wordTags(value: ExactJson | undefined): Record<string, string> {
  const words = listOf(structured(value)).filter((tag): tag is string => typeof tag === 'string')
  return Object.fromEntries(
    words.map((tag) => {
      const at = tag.search(/[:=]/u)
      return at > 0 ? [tag.slice(0, at).trim(), tag.slice(at + 1).trim()] : [tag, 'true']
    }),
  )
}
