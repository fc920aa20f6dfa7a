import { isJsonObject, type JsonObject } from '../engine/json.ts'
import type { RequestHeaders } from './policy.ts'

/** For whom a request is, as its client says by Hanse's own names; these were checked. */
export interface SaidAttribution {
  readonly tags: readonly string[] | undefined
  readonly user: string | undefined
  readonly team: string | undefined
  readonly feature: string | undefined
  readonly promptVersion: string | undefined
}

export interface Attribution {
  readonly tags: readonly string[]
  readonly user: string | undefined
}

/** Of one request, in whatever fields they come. */
const TAGS_MAX = 16
const TEXT_CHARS_MAX = 256
/** Headers that hold JSON; longer ones are somebody's payload. */
const JSON_CHARS_MAX = 8_192

/** What other gateways call it, in the body's `metadata` or in JSON in a header. */
const USER_FIELDS = ['user', 'user_id', 'end_user', '_user']
const TEAM_FIELDS = ['team', 'team_id']
const FEATURE_FIELDS = ['feature']
const PROMPT_FIELDS = ['prompt_version', '_prompt']
const USER_HEADERS = ['x-litellm-end-user-id', 'helicone-user-id']
const JSON_HEADERS = ['x-portkey-metadata', 'x-litellm-spend-logs-metadata']

/**
 * For whom a request is: what Hanse's own headers and fields say, and else what OpenAI, LiteLLM, Portkey and Helicone call it.
 * Team, feature and prompt version are tags (`team:web`), so that budgets, policies and reports by tag have them. What of
 * others is malformed is left out, as it was no word to us.
 */
export function attributionOf(
  body: JsonObject,
  headers: RequestHeaders,
  said: SaidAttribution,
): Attribution {
  const others = [body.metadata, ...JSON_HEADERS.map((name) => jsonOf(headers.get(name)))].filter(
    isJsonObject,
  )
  const named = (names: readonly string[]): string | undefined =>
    others
      .flatMap((each) => names.map((name) => textOf(each[name])))
      .find((text) => text !== undefined)
  const header = (name: string): string | undefined => textOf(headers.get(name))
  const team = said.team ?? header('helicone-property-team') ?? named(TEAM_FIELDS)
  const feature = said.feature ?? header('helicone-property-feature') ?? named(FEATURE_FIELDS)
  const prompt = said.promptVersion ?? header('helicone-prompt-id') ?? named(PROMPT_FIELDS)
  const user =
    said.user ??
    textOf(body.user) ??
    textOf(body.safety_identifier) ??
    USER_HEADERS.map(header).find((text) => text !== undefined) ??
    named(USER_FIELDS)
  const tags = [
    ...(team === undefined ? [] : [`team:${team}`]),
    ...(feature === undefined ? [] : [`feature:${feature}`]),
    ...(prompt === undefined ? [] : [`prompt:${prompt}`]),
    ...(said.tags ?? [
      ...wordsOf(headers.get('x-litellm-tags')),
      ...others.flatMap(({ tags: list }) => textsOf(list)),
    ]),
  ]
  return { tags: [...new Set(tags)].slice(0, TAGS_MAX), user: user?.slice(0, TEXT_CHARS_MAX) }
}

function jsonOf(text: string | null | undefined): unknown {
  if (typeof text !== 'string' || text.length > JSON_CHARS_MAX) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const wordsOf = (text: string | null | undefined): string[] =>
  typeof text === 'string' ? textsOf(text.split(',').map((word) => word.trim())) : []

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.flatMap((item) => textOf(item) ?? []) : []

function textOf(value: unknown): string | undefined {
  const fits = typeof value === 'string' && value !== '' && value.length <= TEXT_CHARS_MAX
  return fits ? value : undefined
}
