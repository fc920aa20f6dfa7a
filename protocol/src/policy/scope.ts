import { z } from 'zod'
import { fitsPattern } from './pattern.ts'

/** As in the keys and tags of a gateway. */
const NAME_MAX = 64
const PATTERN_MAX = 128

const name = z.string().min(1).max(NAME_MAX)

/**
 * Whose spending something is about: all of the organization's without a field, else what fits all that are given. Models
 * may be patterns with `*`.
 */
export const scopeSchema = z.strictObject({
  team: name.optional(),
  /** Name or id of a key of a gateway. */
  key: name.optional(),
  tag: name.optional(),
  model: z.string().min(1).max(PATTERN_MAX).optional(),
})
export type Scope = z.output<typeof scopeSchema>

/** What is known of a request or an authorization; what is not known is absent. */
export interface Spender {
  readonly team?: string | undefined
  /** The key's id and its name, where both are known. */
  readonly keys?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly model?: string | undefined
}

export type Fit = 'yes' | 'no' | 'unknown'

/** Whether a scope has this spender in it; `unknown` where only what is not known could tell. */
export function fitOf(scope: Scope, spender: Spender): Fit {
  const fits: Fit[] = [
    one(scope.team, spender.team, (wanted, team) => wanted === team),
    one(scope.key, spender.keys, (wanted, keys) => keys.includes(wanted)),
    one(scope.tag, spender.tags, (wanted, tags) => tags.includes(wanted)),
    one(scope.model, spender.model, fitsPattern),
  ]
  if (fits.includes('no')) return 'no'
  return fits.includes('unknown') ? 'unknown' : 'yes'
}

function one<Known>(
  wanted: string | undefined,
  known: Known | undefined,
  fits: (wanted: string, known: Known) => boolean,
): Fit {
  if (wanted === undefined) return 'yes'
  if (known === undefined) return 'unknown'
  return fits(wanted, known) ? 'yes' : 'no'
}

/** In words, such as `team research, tag evals`. */
export function scopeText(scope: Scope): string {
  const parts = Object.entries(scope).map(([field, value]) => `${field} ${value}`)
  return parts.length === 0 ? 'the organization' : parts.join(', ')
}
