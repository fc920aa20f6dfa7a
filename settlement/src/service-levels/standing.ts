import type { FinalReason } from '@hanse/protocol'

/**
 * How a session went, by the reason in its last receipt, which both sides signed:
 *
 * | standing | whose doing                                                                    |
 * |----------|--------------------------------------------------------------------------------|
 * | good     | a whole answer                                                                 |
 * | failed   | the provider's, which says so itself                                           |
 * | ended    | the consumer's, or that of the terms which it chose: deadline, window, prompt   |
 * | cut      | nobody's that could be named: there is no last word, and either may have left  |
 *
 * Only `good` and `failed` count. Whatever a consumer can bring about by itself is not a failure, or it could make its own.
 */
export type Standing = 'good' | 'failed' | 'ended' | 'cut'
export const STANDINGS = ['good', 'failed', 'ended', 'cut'] as const satisfies Standing[]

const STANDING_OF: Readonly<Record<FinalReason, Standing>> = {
  completed: 'good',
  length: 'good',
  'engine-failed': 'failed',
  draining: 'failed',
  'provider-unreachable': 'failed',
  cancelled: 'ended',
  deadline: 'ended',
  'consumer-unreachable': 'ended',
  'receipt-refused': 'ended',
  'window-exhausted': 'ended',
  'authorization-exhausted': 'ended',
  policy: 'ended',
  'protocol-violation': 'ended',
  rejected: 'ended',
  quoted: 'ended',
  'too-many-receipts': 'ended',
  'engine-refused': 'ended',
  'context-length': 'ended',
}

/** @param final null where the last receipt is not a final one */
export const standingOf = (final: FinalReason | null): Standing =>
  final === null ? 'cut' : STANDING_OF[final]
