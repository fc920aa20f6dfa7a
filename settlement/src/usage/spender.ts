import { createHash } from 'node:crypto'

/** On whose behalf something is spent, as far as settlement is told. */
export interface UsageSpender {
  /** Prefix of the API key that asked for the authorization; empty where a person did. */
  readonly key: string
  /** Id of the person who answers for it; empty where nobody is known. */
  readonly member: string
  /** In their order, each once. */
  readonly tags: readonly string[]
}

/** What stands for every tag beyond those that an organization may have. */
export const OTHER_TAG = 'other'
/**
 * Different tags that usage of an organization is summed by: a few for each of its living keys. What names each run anew would
 * make as many rows an hour as there are runs.
 */
export const USAGE_TAGS_MAX = 1_000
/** Different sets of key, member and tags: ten for each key. A day of usage has at most so many rows for a model. */
export const SPENDERS_MAX = 10_000

/** With more tags, in their order, each once. */
export const withTags = (spender: UsageSpender, tags: readonly string[]): UsageSpender => ({
  ...spender,
  tags: [...new Set([...spender.tags, ...tags])].sort(),
})

export const isNobody = ({ key, member, tags }: UsageSpender): boolean =>
  key === '' && member === '' && tags.length === 0

/** Tags in their one order, each once; those that are new where there is no room for them are `other`. */
export function boundTags(
  tags: readonly string[],
  known: ReadonlySet<string>,
  tagsMax = USAGE_TAGS_MAX,
): string[] {
  let room = tagsMax - known.size
  const kept = [...new Set(tags)]
    .sort()
    .map((tag) => (known.has(tag) || tag === OTHER_TAG || room-- > 0 ? tag : OTHER_TAG))
  return [...new Set(kept)].sort()
}

/** By which equal ones are found: short, whatever the tags are. */
export const digestOfSpender = ({ key, member, tags }: UsageSpender): string =>
  createHash('sha256')
    .update(JSON.stringify([key, member, tags]))
    .digest('base64url')

/** Who asked, as the API knows them: `key:<prefix>` or `person:<id>`, and who answers for it. */
export function spenderOfActor(actor: string, responsible: string): Omit<UsageSpender, 'tags'> {
  return { key: after('key:', actor), member: after('person:', responsible) }
}

const after = (prefix: string, text: string): string =>
  text.startsWith(prefix) ? text.slice(prefix.length) : ''
