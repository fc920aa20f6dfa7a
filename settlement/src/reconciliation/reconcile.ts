import type { SettlementContext } from '../context.ts'
import { SYSTEM } from '../operators/operator.ts'
import type { BalanceMovement } from '../stripe/index.ts'
import { BALANCE, type FoundDifference } from './find-differences.ts'
import type { Difference, ReconciliationRow } from './reconciliation-store.ts'

export interface ReconciliationReport extends ReconciliationRow {
  /** What is not resolved, newest first; the report's counts are of all. */
  readonly differences: readonly Difference[]
}

export interface ReconcileOptions {
  /** Everything since the beginning, and not only what is new. */
  readonly whole?: boolean
  /** Id of the operator who asks. */
  readonly by?: string
}

/** Stripe's lists may show a movement late, and its clock is not ours. */
const OVERLAP_MS = 2 * 86_400_000
const KEEP_AT_ONCE = 500
/** While money moves, the balance of one moment is not that of the next. */
const TRIES = 3
const SHOWN_MAX = 500

/**
 * Compares the three sides: what receipts and other causes say with the ledger, and the ledger with every movement on the
 * platform's balance at Stripe, by the id of each. Zero differences is the normal result. May run at any time, and twice.
 */
export async function reconcile(
  context: SettlementContext,
  { whole = false, by = SYSTEM.id }: ReconcileOptions = {},
): Promise<ReconciliationReport> {
  const { store, now } = context
  const startedAt = now()
  const sinceMs = whole ? 0 : Math.max(0, (await store.movementsUntil()) - OVERLAP_MS)
  const { movements, stripeCents, steady } = await fetchMovements(context, sinceMs)
  while ((await store.bookMovements(now())) > 0);
  const at = now()
  const found = await store.findDifferences(sinceMs, at)
  const moved = await store.movedCents()
  if (steady && moved !== stripeCents) found.push(balanceDifference(moved, stripeCents))
  const ledger = await store.ledgerCheck()
  for (const { check, subject, expected, actual } of ledger.differences) {
    found.push({
      side: 'receipts-ledger',
      subject: `${check} ${subject}`,
      expected,
      actual,
      reason: 'ledger-check',
      state: 'open',
    })
  }
  const row = await store.recordReconciliation(
    {
      whole,
      since: sinceMs,
      until: at,
      askedBy: by,
      startedAt,
      movements,
      stripeCents,
      balanceCompared: steady,
    },
    found,
    now(),
  )
  return { ...row, differences: await store.differences({ outstanding: true, limit: SHOWN_MAX }) }
}

/** Fetches until the balance was the same before and after: then all of its movements are known. */
async function fetchMovements(
  { store, payments }: SettlementContext,
  sinceMs: number,
): Promise<{ movements: number; stripeCents: bigint; steady: boolean }> {
  let balance = await centsOf(payments)
  for (let tried = 1; ; tried++) {
    const movements = await keepAll(store, payments.movements({ sinceMs }))
    const after = await centsOf(payments)
    if (after === balance) return { movements, stripeCents: after, steady: true }
    if (tried === TRIES) return { movements, stripeCents: after, steady: false }
    balance = after
  }
}

async function keepAll(
  store: SettlementContext['store'],
  movements: AsyncIterable<BalanceMovement>,
): Promise<number> {
  let count = 0
  let batch: BalanceMovement[] = []
  for await (const movement of movements) {
    count++
    if (batch.push(movement) < KEEP_AT_ONCE) continue
    await store.keepMovements(batch)
    batch = []
  }
  if (batch.length > 0) await store.keepMovements(batch)
  return count
}

/** What is pending is ours too: it moved. */
async function centsOf(payments: SettlementContext['payments']): Promise<bigint> {
  const { availableCents, pendingCents } = await payments.balance()
  return availableCents + pendingCents
}

const balanceDifference = (moved: bigint, stripeCents: bigint): FoundDifference => ({
  side: 'ledger-stripe',
  subject: BALANCE,
  expected: moved.toString(),
  actual: stripeCents.toString(),
  reason: 'balance',
  state: 'open',
})
