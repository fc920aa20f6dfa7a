import { splitAmount } from '../tax/index.ts'
import { apportion } from './apportion.ts'
import type { Sides } from './build-payment.ts'
import type {
  AccountStatement,
  DocumentContent,
  DocumentDraft,
  DocumentLine,
  DocumentTax,
} from './document.ts'
import type { MonthFacts } from './facts.ts'
import { type Month, periodOf } from './month.ts'

/** What the party's statement before this one ended with. */
export interface Previous {
  readonly carry: bigint
  readonly closing: bigint
  readonly heldBack: bigint
  readonly debt: bigint
}

export const NO_PREVIOUS: Previous = { carry: 0n, closing: 0n, heldBack: 0n, debt: 0n }

export function previousOf(content: DocumentContent | undefined): Previous {
  const { carry, account } = content ?? {}
  return {
    carry: carry?.to ?? 0n,
    closing: account?.closing ?? 0n,
    heldBack: account?.heldBack ?? 0n,
    debt: account?.debt ?? 0n,
  }
}

export const monthSubject = (party: string, month: Month): string => `${party}/${month}`

interface MonthTerms {
  readonly month: Month
  /** An organization's id, or a provider's peer id. */
  readonly party: string
  readonly sides: Sides
  readonly previous: Previous
}

/** What an organization used in a month, against what it had paid in advance. VAT is on the advances' invoices. */
export function draftUsageStatement(
  facts: MonthFacts,
  terms: MonthTerms & { readonly advances: DocumentDraft['advances'] },
): DocumentDraft {
  const { cents, carry } = apportion(usageAmounts(facts), terms.previous.carry)
  const netCents = sum(cents)
  return {
    ...frameOf(terms),
    kind: 'usage-statement',
    lines: linesOf(facts, cents),
    tax: null,
    totals: { netCents, vatCents: 0n, grossCents: netCents },
    paidCents: netCents,
    carry,
    account: { ...accountOf(facts, terms.previous), heldBack: null },
    advances: terms.advances,
    selfBilling: null,
  }
}

/**
 * What a provider supplied in a month, less our fee: the provider's invoice to us, written by us where the provider has
 * agreed (Art. 224), and otherwise a statement only. VAT that the provider owes is within what it earned.
 */
export function draftProviderStatement(
  facts: MonthFacts,
  terms: MonthTerms & {
    readonly tax: DocumentTax | null
    readonly selfBilling: DocumentDraft['selfBilling']
  },
): DocumentDraft {
  const { tax, selfBilling, previous } = terms
  const amounts = [...usageAmounts(facts), ...(facts.fee === 0n ? [] : [-facts.fee])]
  const { cents, carry } = apportion(amounts, previous.carry)
  const totals = splitAmount({ grossCents: sum(cents) }, tax?.rateBps ?? 0)
  return {
    ...frameOf(terms),
    kind: 'provider-statement',
    lines: linesOf(facts, netOf(cents, totals.netCents)),
    tax,
    totals,
    paidCents: totals.grossCents,
    carry,
    account: accountOf(facts, previous),
    advances: [],
    selfBilling,
  }
}

function frameOf({ month, party, sides }: MonthTerms) {
  const period = periodOf(month)
  return {
    ...sides,
    format: 'hanse.document.v1',
    currency: 'EUR',
    subject: monthSubject(party, month),
    // The last instant of the month.
    taxPoint: period.to - 1,
    period,
    corrects: null,
  } as const
}

const usageAmounts = ({ usage }: MonthFacts): bigint[] => usage.map(({ amount }) => amount)

function linesOf({ usage, fee }: MonthFacts, cents: readonly bigint[]): DocumentLine[] {
  const lines = usage.map(
    ({ model, sessions, receipts, amount }, i): DocumentLine => ({
      number: i + 1,
      label: 'usage',
      detail: model,
      sessions,
      receipts,
      exact: amount,
      cents: cents[i] ?? 0n,
      source: { type: 'receipts', model },
    }),
  )
  if (cents.length === usage.length) return lines
  const number = usage.length + 1
  const part = { sessions: null, receipts: null, exact: -fee, cents: cents[usage.length] ?? 0n }
  return [...lines, { ...part, number, label: 'fee', detail: null, source: { type: 'fees' } }]
}

/** Amounts that contain VAT, without it: rounded cumulatively, so that they add up to the net. */
function netOf(cents: readonly bigint[], netCents: bigint): bigint[] {
  const gross = sum(cents)
  if (gross === netCents) return [...cents]
  let seen = 0n
  return cents.map((part) => {
    const before = (seen * netCents) / gross
    seen += part
    return (seen * netCents) / gross - before
  })
}

function accountOf(facts: MonthFacts, previous: Previous): AccountStatement {
  const { movements, heldBackChange, debtChange } = facts
  return {
    opening: previous.closing,
    movements,
    closing: previous.closing + sum(movements.map(({ amount }) => amount)),
    heldBack: previous.heldBack + heldBackChange,
    debt: previous.debt + debtChange,
  }
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((a, b) => a + b, 0n)
