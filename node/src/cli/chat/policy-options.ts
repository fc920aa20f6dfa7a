import type { Command } from 'commander'
import { toKebab } from '../../config/settings.ts'
import { FieldError } from '../../openai/field-error.ts'
import { readWishes } from '../../openai/policy.ts'
import { usage } from '../log-options.ts'

/** How a request wants to be served: what the flag is called, the header that says it to the gateway, and what it means. */
const WISHES = [
  ['sort', 'x-hanse-sort', '<what>', 'what counts most: price, latency, throughput, balanced'],
  ['region', 'x-hanse-region', '<list>', 'where prompts may go, within what the gateway allows'],
  ['maxPrice', 'x-hanse-max-output-price', '<price>', 'of output tokens, as "0.20 EUR/Mtok"'],
  ['only', 'x-hanse-only', '<peers>', 'peer ids: ask no other provider'],
  ['ignore', 'x-hanse-ignore', '<peers>', 'peer ids: do not ask these'],
  ['tags', 'x-hanse-tags', '<list>', 'what the spending is filed under'],
] as const

export function addPolicyOptions(command: Command): Command {
  for (const [flag, , placeholder, meaning] of WISHES)
    command.option(`${longOf(flag)} ${placeholder}`, meaning)
  return command
}

/**
 * The headers that say to the gateway what the flags say.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID for what no gateway would understand, named as the user typed it
 */
export function policyHeaders(flags: Readonly<Record<string, unknown>>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [flag, header] of WISHES) {
    const value = flags[flag]
    if (typeof value === 'string') headers[header] = value
  }
  try {
    readWishes({}, { get: (name) => headers[name] })
  } catch (error) {
    if (!(error instanceof FieldError)) throw error
    const { param, message } = error
    const [flag = param] = WISHES.find(([, header]) => header === param) ?? []
    throw usage(message.replace(param, longOf(flag)))
  }
  return headers
}

function longOf(flag: string): string {
  return `--${toKebab(flag)}`
}
