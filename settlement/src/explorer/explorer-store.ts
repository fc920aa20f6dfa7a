import type { Database } from '../db/database.ts'
import { ledgerAccountStore } from './account-store.ts'
import { payoutEarningsStore } from './payout-earnings.ts'
import { sessionTrailStore } from './session-trail.ts'
import { statementTrailStore } from './statement-lines.ts'
import { transferStore } from './transfer-store.ts'

/** From any euro to its receipts, and from a receipt to who was paid. Reads only, each by an index. */
export function explorerStore(db: Database) {
  return {
    ...ledgerAccountStore(db),
    ...transferStore(db),
    ...payoutEarningsStore(db),
    ...sessionTrailStore(db),
    ...statementTrailStore(db),
  }
}
