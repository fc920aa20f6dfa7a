import type { ErrorCode } from '../errors.ts'

/** Why a session ended: a closed list, and two causes never share one. */
export const FINAL_REASONS = [
  'completed',
  'length',
  'cancelled',
  'deadline',
  'consumer-unreachable',
  'provider-unreachable',
  'receipt-refused',
  'window-exhausted',
  'authorization-exhausted',
  'engine-failed',
  'draining',
  'policy',
  'protocol-violation',
  'rejected',
  'quoted',
  'too-many-receipts',
  'engine-refused',
  'context-length',
] as const
export type FinalReason = (typeof FINAL_REASONS)[number]

/** Reasons that leave a whole answer behind. */
export function isAnswered(reason: FinalReason): boolean {
  return reason === 'completed' || reason === 'length'
}

/** The error that a consumer's client sees for an answer that ended so. */
export const REASON_CODES: Record<Exclude<FinalReason, 'completed' | 'length'>, ErrorCode> = {
  cancelled: 'HANSE_SESSION_CANCELLED',
  deadline: 'HANSE_SESSION_DEADLINE',
  'consumer-unreachable': 'HANSE_SESSION_ABORTED',
  'provider-unreachable': 'HANSE_SESSION_CUT',
  'receipt-refused': 'HANSE_RECEIPT_REFUSED',
  'window-exhausted': 'HANSE_SESSION_ABORTED',
  'authorization-exhausted': 'HANSE_AUTHORIZATION_EXHAUSTED',
  'engine-failed': 'HANSE_ENGINE_FAILED',
  draining: 'HANSE_DRAINING',
  policy: 'HANSE_POLICY_RESIDENCY',
  'protocol-violation': 'HANSE_FRAME_UNEXPECTED',
  rejected: 'HANSE_PROVIDER_UNREACHABLE',
  quoted: 'HANSE_ORDER_PRICE',
  'too-many-receipts': 'HANSE_SESSION_ABORTED',
  'engine-refused': 'HANSE_ENGINE_REFUSED',
  'context-length': 'HANSE_CONTEXT_LENGTH',
}
