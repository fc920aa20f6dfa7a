import { adjustmentStore } from '../adjustments/adjustment-store.ts'
import { alertStore } from '../alerts/alert-store.ts'
import { authorizationStore } from '../authorizations/authorization-store.ts'
import { backupStore } from '../backup/backup-store.ts'
import { customerStore } from '../billing/customer-store.ts'
import { noticeStore } from '../billing/notice-store.ts'
import { disputeStore } from '../disputes/dispute-store.ts'
import { documentStore } from '../documents/document-store.ts'
import { profileStore } from '../documents/profile-store.ts'
import { earningsStore } from '../earnings/earnings-store.ts'
import { ledgerStore } from '../ledger/ledger-store.ts'
import { logStore } from '../log/log-store.ts'
import { operatorStore } from '../operators/operator-store.ts'
import { bankPayoutStore } from '../payouts/bank-payouts.ts'
import { payoutHoldStore } from '../payouts/hold-store.ts'
import { payoutStore } from '../payouts/payout-store.ts'
import { payoutReversalStore } from '../payouts/reversal-store.ts'
import { payoutRunStore } from '../payouts/run-store.ts'
import { invoiceStore } from '../plans/invoice-store.ts'
import { subscriptionStore } from '../plans/subscription-store.ts'
import { providerStore } from '../providers/provider-store.ts'
import { receiptStore } from '../receipts/receipt-store.ts'
import { movementStore } from '../reconciliation/movement-store.ts'
import { reconciliationStore } from '../reconciliation/reconciliation-store.ts'
import { refundStore } from '../refunds/refund-store.ts'
import { cursorStore } from '../stripe-events/cursor-store.ts'
import { stripeEventStore } from '../stripe-events/event-store.ts'
import { identityStore } from '../stripe-identity/identity-store.ts'
import { keyStore } from '../tenants/key-store.ts'
import { tenantStore } from '../tenants/tenant-store.ts'
import { automaticStore } from '../top-ups/automatic-store.ts'
import { topUpStore } from '../top-ups/top-up-store.ts'
import { usageStore } from '../usage/usage-store.ts'
import type { Database } from './database.ts'

/**
 * Everything that settlement asks of its database, as functions of plain data. The same code runs on a `pg` pool in
 * this thread and on PGlite in a thread of its own, so arguments and results must survive a structured clone.
 */
export function createRepository(db: Database) {
  return {
    ...ledgerStore(db),
    ...tenantStore(db),
    ...keyStore(db),
    ...providerStore(db),
    ...authorizationStore(db),
    ...receiptStore(db),
    ...alertStore(db),
    ...topUpStore(db),
    ...automaticStore(db),
    ...customerStore(db),
    ...noticeStore(db),
    ...refundStore(db),
    ...disputeStore(db),
    ...subscriptionStore(db),
    ...invoiceStore(db),
    ...stripeEventStore(db),
    ...cursorStore(db),
    ...identityStore(db),
    ...payoutStore(db),
    ...payoutRunStore(db),
    ...payoutHoldStore(db),
    ...payoutReversalStore(db),
    ...bankPayoutStore(db),
    ...earningsStore(db),
    ...adjustmentStore(db),
    ...operatorStore(db),
    ...movementStore(db),
    ...reconciliationStore(db),
    ...documentStore(db),
    ...profileStore(db),
    ...logStore(db),
    ...usageStore(db),
    ...backupStore(db),
    /** Throws when the database does not answer. */
    ping: async (): Promise<void> => {
      await db.execute('select 1')
    },
  }
}

export type Repository = ReturnType<typeof createRepository>
export type RepositoryMethod = keyof Repository

/** Methods that only read: on PGlite they overtake waiting writes, for a person waits for them. */
export const READS: ReadonlySet<RepositoryMethod> = new Set<RepositoryMethod>([
  'balance',
  'providerBalance',
  'revenue',
  'ledgerEntries',
  'keyByPrefix',
  'organizationOf',
  'debt',
  'keys',
  'topUp',
  'topUps',
  'automaticTopUp',
  'billingCustomer',
  'notices',
  'refund',
  'refunds',
  'disputes',
  'planOf',
  'planInvoices',
  'catalogueId',
  'catalogueName',
  'authorization',
  'authorizations',
  'revocationsSince',
  'stripeIdentity',
  'eventCursors',
  'knownEvents',
  'provider',
  'providerByAccount',
  'session',
  'alerts',
  'conflictEvidence',
  'payouts',
  'payout',
  'providerPayouts',
  'payoutRuns',
  'payoutHolds',
  'payoutReversals',
  'bankPayouts',
  'heldEarnings',
  'providerMoney',
  'adjustments',
  'operators',
  'operatorByPrefix',
  'operatorActions',
  'reconciliations',
  'differences',
  'document',
  'documents',
  'lineReceipts',
  'providerProfile',
  'logHead',
  'logTile',
  'loggedEvent',
  'logKeys',
  'usage',
  'ping',
])
