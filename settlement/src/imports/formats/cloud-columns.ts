import { decimalOf, format, multiply } from '../../costs/decimal.ts'
import type { CsvRow } from '../csv.ts'
import type { ExactJson } from '../exact-json.ts'
import { wrongField } from '../line-fault.ts'
import { countOf, parseDecimal } from '../usage-record.ts'

/** The first of these columns that the file has; names of clouds differ in case and in what is between the words. */
export function column(row: CsvRow, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const exact = row.get(name)
    if (exact !== undefined) return exact
  }
  const wanted = names.map(plain)
  for (const [name, value] of row) if (wanted.includes(plain(name))) return value
  return undefined
}

/** Tokens out of a quantity and its unit, such as `1K` or `1M tokens`. @throws {LineFault} */
export function tokensOf(quantity: string | undefined, unit: string): bigint {
  const [, digits = '1', letter = ''] = /^\s*(\d*)\s*([KM]?)(?![A-Za-z]*bytes)/iu.exec(unit) ?? []
  const factor = BigInt(digits === '' ? '1' : digits) * (FACTORS[letter.toUpperCase()] ?? 1n)
  const amount = parseDecimal((quantity ?? '').trim())
  if (amount === undefined) return countOf('quantity', quantity)
  return countOf('quantity', format(multiply(amount, decimalOf(factor, 0))))
}

/** What a cloud's name for a meter says about the tokens; `undefined` where it is no meter of tokens. */
export type TokenKind = 'input' | 'cached' | 'cache_write' | 'output'

/** Tags that a cloud writes as JSON, with or without the braces. */
export function jsonTags(text: string | undefined): Record<string, string> {
  const trimmed = (text ?? '').trim()
  if (trimmed === '') return {}
  try {
    const value: ExactJson = JSON.parse(trimmed.startsWith('{') ? trimmed : `{${trimmed}}`)
    return Object.fromEntries(
      Object.entries(value as object).filter(
        ([name, tag]) => name !== '' && typeof tag === 'string',
      ),
    )
  } catch {
    throw wrongField('tags', 'not JSON')
  }
}

export const kindTokens = (kind: TokenKind | undefined, tokens: bigint) => ({
  inputTokens: kind === undefined || kind === 'output' ? 0n : tokens,
  cachedInputTokens: kind === 'cached' ? tokens : 0n,
  outputTokens: kind === 'output' ? tokens : 0n,
  cacheWriteTokens: kind === 'cache_write' ? tokens : 0n,
})

const FACTORS: Readonly<Record<string, bigint>> = { K: 1_000n, M: 1_000_000n }

const plain = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/gu, '')
