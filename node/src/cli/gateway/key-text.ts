import { formatEuro, formatPrice } from '@hanse/protocol'
import type { KeyStatus } from '../../gateway/gateway-control.ts'
import type { VirtualKey } from '../../gateway/keys/key-book.ts'
import type { KeyTerms } from '../../gateway/keys/key-terms.ts'
import { table } from '../output.ts'
import { clean } from '../terminal-text.ts'

/** A line for each key. */
export function keyTable(keys: readonly KeyStatus[]): string {
  const head = ['NAME', 'STATE', 'SPENT', 'RUNNING', 'BUDGET', 'LAST USED', 'SECRET', 'ID']
  const rows = keys.map((key) => [
    clean(key.name),
    key.state,
    formatEuro(key.spent),
    formatEuro(key.reserved),
    budgetText(key.terms),
    key.lastUsedAt === undefined ? 'never' : minute(key.lastUsedAt),
    `…${key.hint}`,
    key.id,
  ])
  return table([head, ...rows])
}

/** All that is known of a key. */
export function keyLines(key: VirtualKey & Partial<KeyStatus>): string[] {
  const { terms } = key
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['name', clean(key.name)],
    ['id', key.id],
    ['secret', `ends in ${key.hint}`],
    ['state', key.state],
    ['budget', budgetText(terms)],
    ['spent', key.spent === undefined ? undefined : formatEuro(key.spent)],
    ['set aside', key.reserved === undefined ? undefined : formatEuro(key.reserved)],
    ['anew at', key.renewsAt === undefined ? undefined : minute(key.renewsAt)],
    ['rates', ratesText(terms)],
    ['models', listText(terms.models, 'any')],
    ['regions', listText(terms.regions, 'as the gateway allows')],
    ['prices', pricesText(terms)],
    ['max tokens', terms.maxOutputTokens === null ? undefined : String(terms.maxOutputTokens)],
    ['tags', terms.tags.length === 0 ? undefined : listText(terms.tags, '')],
    ['ends', terms.expiresAt === null ? undefined : minute(terms.expiresAt)],
    ['made', minute(key.createdAt)],
    ['revoked', key.revokedAt === undefined ? undefined : minute(key.revokedAt)],
    ['last used', key.lastUsedAt === undefined ? 'never' : minute(key.lastUsedAt)],
  ]
  return rows.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name.padEnd(10)}  ${value}`],
  )
}

function budgetText({ budget, period }: KeyTerms): string {
  if (budget === null) return 'no limit'
  return `${formatEuro(budget)}${period === 'none' ? '' : ` a ${period}`}`
}

function ratesText({ requestsPerMinute, tokensPerMinute, parallel }: KeyTerms): string | undefined {
  const parts = [
    requestsPerMinute === null ? [] : [`${requestsPerMinute} requests a minute`],
    tokensPerMinute === null ? [] : [`${tokensPerMinute} tokens a minute`],
    parallel === null ? [] : [`${parallel} at once`],
  ].flat()
  return parts.length === 0 ? undefined : parts.join(', ')
}

function pricesText({ maxInputPrice, maxOutputPrice }: KeyTerms): string | undefined {
  const parts = [
    maxInputPrice === null ? [] : [`in ${formatPrice(maxInputPrice)}`],
    maxOutputPrice === null ? [] : [`out ${formatPrice(maxOutputPrice)}`],
  ].flat()
  return parts.length === 0 ? undefined : `at most ${parts.join(', ')}`
}

function listText(items: readonly string[], empty: string): string {
  return items.length === 0 ? empty : items.map(clean).join(', ')
}

function minute(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
