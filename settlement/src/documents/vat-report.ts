import type { SettlementStore } from '../db/store.ts'
import type { DocumentContent } from './document.ts'
import { readDocument } from './document-schema.ts'
import type { Period } from './month.ts'

/** One line of a VAT return: everything under one rule, in one state, at one rate. */
export interface VatSum {
  /** `sales` are ours to consumers; `purchases` are the providers' to us. */
  readonly side: 'sales' | 'purchases'
  /** See `TaxRule`; `none` is what was charged without a rule. */
  readonly rule: string
  readonly state: string | null
  readonly rateBps: number
  readonly documents: number
  readonly netCents: bigint
  readonly vatCents: bigint
}

const PAGE = 500

/** What the invoices and credit notes with their tax point in a period come to: credit notes count below zero. */
export async function vatReport(store: SettlementStore, period: Period): Promise<VatSum[]> {
  const sums = new Map<string, VatSum>()
  for (let after = 0n; ; ) {
    const page = await store.documentsByTaxPoint(period, after, PAGE)
    for (const { figures } of page) add(sums, readDocument(figures))
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) break
    after = last.id
  }
  return [...sums.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum)
}

function add(sums: Map<string, VatSum>, { kind, tax, totals }: DocumentContent): void {
  if (kind === 'usage-statement') return
  const side = kind === 'provider-statement' ? 'purchases' : 'sales'
  const { rule, state, rateBps } = tax ?? { rule: 'none', state: null, rateBps: 0 }
  const key = [side, rule, state ?? '', String(rateBps).padStart(5, '0')].join(' ')
  const sum = sums.get(key) ?? {
    side,
    rule,
    state,
    rateBps,
    documents: 0,
    netCents: 0n,
    vatCents: 0n,
  }
  const sign = kind === 'credit-note' ? -1n : 1n
  sums.set(key, {
    ...sum,
    documents: sum.documents + 1,
    netCents: sum.netCents + sign * totals.netCents,
    vatCents: sum.vatCents + sign * totals.vatCents,
  })
}
