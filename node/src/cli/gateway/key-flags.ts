import type { Command } from 'commander'
import * as kinds from '../../config/kinds.ts'
import type { Setting } from '../../config/settings.ts'
import { type KeyTerms, keyChangesSchema } from '../../gateway/keys/key-terms.ts'
import { PERIODS } from '../../gateway/keys/period.ts'
import { usage } from '../log-options.ts'
import type { Flags } from './desk-command.ts'
import { parseDuration } from './duration.ts'

type Field = Exclude<keyof KeyTerms, 'disabled'>
const RATE_MAX = 1_000_000_000

const rate = (description: string) => kinds.optionalInteger({ description, min: 1, max: RATE_MAX })

/** How the terms of a key are typed. */
const FLAGS: { readonly [Key in Field]: { readonly flag: string; readonly as: Setting<unknown> } } =
  {
    budget: {
      flag: 'budget',
      as: kinds.optionalEuro({ description: 'what it may spend a period: a hard stop' }),
    },
    period: {
      flag: 'period',
      as: kinds.oneOf(PERIODS, {
        description: 'when the budget begins anew, in UTC (default: month)',
        fallback: 'month',
      }),
    },
    requestsPerMinute: { flag: 'requests-per-minute', as: rate('requests it may send a minute') },
    tokensPerMinute: {
      flag: 'tokens-per-minute',
      as: rate('tokens it may use a minute, of prompts and answers together'),
    },
    parallel: { flag: 'parallel', as: rate('requests that may run at once') },
    models: {
      flag: 'models',
      as: kinds.list({
        description: 'models it may ask for; * stands for any text',
        placeholder: '<pattern,…>',
        fallback: [],
      }),
    },
    regions: {
      flag: 'regions',
      as: kinds.regions({
        description: 'where its prompts may be processed, within what the gateway allows',
        fallback: [],
      }),
    },
    maxInputPrice: {
      flag: 'max-input-price',
      as: kinds.optionalPrice({ description: 'highest price of input tokens' }),
    },
    maxOutputPrice: {
      flag: 'max-output-price',
      as: kinds.optionalPrice({ description: 'highest price of output tokens' }),
    },
    maxOutputTokens: { flag: 'max-tokens', as: rate('most tokens of one answer') },
    tags: {
      flag: 'tags',
      as: kinds.list({
        description: 'tags of all its requests, for the spend',
        placeholder: '<tag,…>',
        fallback: [],
      }),
    },
    expiresAt: {
      flag: 'expires',
      as: {
        description: 'when it ends: a day or time such as 2027-01-31, or after 90d, 12h',
        placeholder: '<when>',
        fallback: null,
        parse: expiryOf,
      },
    },
  }

/** Clears what a key has, where it had something. */
const NONE = 'none'
const LISTS: ReadonlySet<Field> = new Set(['models', 'regions', 'tags'])

export function addKeyFlags(command: Command): Command {
  for (const { flag, as } of Object.values(FLAGS))
    command.option(`--${flag} ${as.placeholder ?? '<value>'}`, `${as.description}; or ${NONE}`)
  return command
}

/** The terms that were given. @throws {HanseError} HANSE_CONFIG_INVALID that names the flag */
export function termsOf(flags: Flags): Partial<KeyTerms> {
  const given = Object.entries(FLAGS).flatMap(([field, { flag, as }]) => {
    const text = flags[camel(flag)]
    return typeof text === 'string' ? [[field, termOf(field as Field, flag, as, text)]] : []
  })
  const parsed = keyChangesSchema.safeParse(Object.fromEntries(given))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = String(issue?.path[0]) as Field
  throw usage(`--${FLAGS[field].flag}: ${issue?.message}`)
}

function termOf(field: Field, flag: string, as: Setting<unknown>, text: string): unknown {
  if (text === NONE && field !== 'period') return LISTS.has(field) ? [] : null
  try {
    return as.parse(text)
  } catch (error) {
    throw usage(
      `--${flag} is ${JSON.stringify(text)}: ${error instanceof Error ? error.message : ''}`,
    )
  }
}

/** A day ends when it does in UTC. */
function expiryOf(text: string): number {
  const after = parseDuration(text)
  if (after !== undefined) return Date.now() + after
  const isDay = /^\d{4}-\d\d-\d\d$/u.test(text)
  const at = Date.parse(isDay ? `${text}T23:59:59.999Z` : text)
  if (/^\d{4}-/u.test(text) && Number.isFinite(at)) return at
  throw new Error('must be a day or time such as 2027-01-31, or a time from now such as 90d or 12h')
}

/** As commander names an option. */
function camel(flag: string): string {
  return flag.replace(/-([a-z])/gu, (_, letter: string) => letter.toUpperCase())
}
