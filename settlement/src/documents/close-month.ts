import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { SYSTEM } from '../operators/operator.ts'
import {
  draftProviderStatement,
  draftUsageStatement,
  monthSubject,
  NO_PREVIOUS,
  type Previous,
  previousOf,
} from './build-month.ts'
import type { DocumentDraft } from './document.ts'
import { readDocument } from './document-schema.ts'
import type { MonthFacts } from './facts.ts'
import { issueDue } from './issue-due.ts'
import { closableAt, isMonth, type Month, nextMonth, periodOf } from './month.ts'
import type { MonthParty, TransferRange } from './month-facts.ts'
import type { MonthPoint } from './month-points.ts'
import { providerTax } from './provider-profile.ts'
import { operatorOf, purchaseSides, salesSides } from './sides.ts'

export interface Closing {
  readonly month: string
  /** Statements that this run wrote. */
  readonly statements: number
  /** Whether the month is closed now; false when the run was cut off. */
  readonly closed: boolean
}

/** Who closes a month, and in spite of what. */
export interface ClosingDecision {
  /** Id of the operator. */
  readonly by: string
  /** Why, where something was open. */
  readonly reason: string | null
  readonly open: readonly MonthPoint[]
}

/** Nothing was open, or the service was told not to ask. */
const OF_ITSELF: ClosingDecision = { by: SYSTEM.id, reason: null, open: [] }
const PAGE = 200

/**
 * Writes every statement of a month. Safe to be cut off and repeated: there is one statement of a party and a month, and a
 * run goes on where the last one stopped. Months are closed in their order, for what is less than a cent is carried over.
 * It asks for nothing that may be open: `closeDueMonths` and `closeByHand` do.
 *
 * @throws {SettlementError} HANSE_REQUEST_INVALID when it is no month, is not over, or the one before it is open
 */
export async function closeMonth(
  context: SettlementContext,
  month: string,
  signal?: AbortSignal,
  decision: ClosingDecision = OF_ITSELF,
): Promise<Closing> {
  const { store, now } = context
  if (!isMonth(month)) throw refusal(`${month} is no month such as 2026-10`)
  if (await store.isClosed(month)) return { month, statements: 0, closed: true }
  const period = periodOf(month)
  if (now() < closableAt(month)) throw refusal(`${month} is not over`)
  const due = await dueMonth(store)
  if (due !== null && due < month) throw refusal(`${due} has to be closed before ${month}`)

  await issueDue(context, signal, 0)
  const range = await store.transferRange(period)
  let statements = 0
  for (const kind of ['organization', 'provider'] as const) {
    for (let after = ''; ; ) {
      const parties = await store.partiesIn({ kind, range, after, limit: PAGE })
      for (const id of parties) {
        if (signal?.aborted === true) return { month, statements, closed: false }
        if (await closeParty(context, { kind, id }, month, range)) statements++
      }
      const end = parties.at(-1)
      if (end === undefined || parties.length < PAGE) break
      after = end
    }
  }
  await store.markClosed(month, now(), decision)
  return { month, statements, closed: true }
}

/** The month that is closed next; null where nothing was booked yet. */
export async function dueMonth(store: SettlementContext['store']): Promise<Month | null> {
  const { first, last } = await store.closedMonths()
  return last === null ? first : nextMonth(last)
}

/** @returns whether a statement was written */
async function closeParty(
  context: SettlementContext,
  party: MonthParty,
  month: Month,
  range: TransferRange,
): Promise<boolean> {
  const { store, now } = context
  const kind = party.kind === 'organization' ? 'usage-statement' : 'provider-statement'
  if ((await store.documentOn(kind, monthSubject(party.id, month))) !== undefined) return false
  const facts = await store.monthFacts(party, periodOf(month), range)
  // Ids are in the order in which they were given, times almost: a neighbour of another month may be in the range.
  if (facts.usage.length === 0 && facts.movements.length === 0 && facts.debtChange === 0n) {
    return false
  }
  const draft = await draftMonth(context, party, month, facts)
  await store.issueDocument({ draft, party: party.id, at: now() })
  return true
}

async function draftMonth(
  context: SettlementContext,
  party: MonthParty,
  month: Month,
  facts: MonthFacts,
): Promise<DocumentDraft> {
  const { store } = context
  const period = periodOf(month)
  if (party.kind === 'organization') {
    const previous = await previousStatement(context, 'usage-statement', party.id, period.from)
    const sides = await salesSides(context, party.id)
    const advances = (await store.advancesIn(party.id, period)).map(({ figures }) => {
      const { number, kind, totals } = readDocument(figures)
      return { number, kind, grossCents: totals.grossCents }
    })
    return draftUsageStatement(facts, { month, party: party.id, sides, previous, advances })
  }
  const provider = await store.provider(party.id)
  if (provider === undefined) throw new Error(`no provider ${party.id}`)
  // As it stands on the day of issue: who agrees after the month has ended is invoiced for it too.
  const stored = await store.providerProfile(party.id, context.now())
  // A month of payouts alone has nothing to invoice.
  const agreed = facts.usage.length === 0 ? undefined : stored?.profile.selfBillingTerms
  return draftProviderStatement(facts, {
    month,
    party: party.id,
    sides: purchaseSides(context, provider, stored),
    previous: await previousStatement(context, 'provider-statement', party.id, period.from),
    tax:
      stored === undefined || agreed === undefined
        ? null
        : providerTax(stored.profile, operatorOf(context), period.to - 1),
    selfBilling:
      stored === undefined || agreed === undefined ? null : { terms: agreed, agreedAt: stored.at },
  })
}

async function previousStatement(
  { store }: SettlementContext,
  kind: 'usage-statement' | 'provider-statement',
  party: string,
  from: number,
): Promise<Previous> {
  const before = await store.statementBefore(kind, party, from)
  return before === undefined ? NO_PREVIOUS : previousOf(readDocument(before.figures))
}

const refusal = (message: string) => new SettlementError('HANSE_REQUEST_INVALID', message)
