import { isInRegion } from '@hanse/protocol'
import type { Row } from '#lib/market/rows.ts'
import { type PicoEuro, picoEuro } from '#lib/money.ts'

/** Where a prompt may go, as chosen: a region, or anywhere. */
export const regions = ['EU', 'EEA', 'DE', ''] as const
export type Region = (typeof regions)[number]

export type Terms = {
  readonly model: string
  readonly region: Region
  /** Least level of evidence. */
  readonly level: number
  readonly maxTokens: number
  /** Whether something else than the provider's credit pays. */
  readonly hasMoney: boolean
}

/** As the node reckons the tokens that an engine's template adds to a prompt. */
const templateTokens = 64

/** The most that an answer can cost: no token has less than a byte. */
export function mostOf(row: Row, promptBytes: number, maxTokens: number): PicoEuro {
  const input = BigInt(Math.min(promptBytes + templateTokens, row.contextLength))
  const output = BigInt(Math.min(maxTokens, row.maxOutputTokens))
  return picoEuro(input * row.inputPrice + output * row.outputPrice)
}

/** The offers of the chosen model that may answer, the cheapest first. */
export function fitting(rows: readonly Row[], { model, region, level }: Terms): Row[] {
  return rows
    .filter(
      (row) =>
        row.model === model &&
        row.against === undefined &&
        (region === '' || isInRegion(row.country, region)) &&
        row.evidenceLevel >= level,
    )
    .sort((a, b) => (a.outputPrice < b.outputPrice ? -1 : a.outputPrice > b.outputPrice ? 1 : 0))
}

/** Whether a provider answers a stranger who cannot cost more than this. */
export const isOnCredit = (row: Row, promptBytes: number, maxTokens: number): boolean =>
  mostOf(row, promptBytes, maxTokens) <= row.credit
