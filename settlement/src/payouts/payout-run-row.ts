import type { payoutRun } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'

export type PayoutRunState = 'gathered' | 'approved' | 'executing' | 'done' | 'cancelled'

/** Payouts that were gathered together and are decided on together. */
export interface PayoutRunRow {
  readonly id: string
  readonly state: PayoutRunState
  readonly payouts: number
  readonly cents: bigint
  readonly gatheredBy: string
  readonly gatheredAt: number
  readonly decidedBy: string | null
  readonly decidedAt: number | null
  readonly doneAt: number | null
}

export function toRun(row: typeof payoutRun.$inferSelect | undefined): PayoutRunRow {
  if (row === undefined) throw new SettlementError('HANSE_INTERNAL', 'payout run not stored')
  return {
    ...row,
    gatheredAt: row.gatheredAt.getTime(),
    decidedAt: row.decidedAt?.getTime() ?? null,
    doneAt: row.doneAt?.getTime() ?? null,
  }
}
